//! What came of the requests of one step of the load.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nobody waits longer for an answer: later it is no good.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What became of one request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// What the contract promises.
    Good,
    /// Refused for now, with word of when to come back.
    Shed,
    /// Anything else, in a word or two.
    Failed(String),
}

/// The requests of a step, counted from when the load has settled.
#[derive(Debug)]
pub(super) struct Tally {
    from: Instant,
    until: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    /// What was to be asked.
    pub(super) due: u64,
    /// Of that, what was not asked because too much was open already.
    pub(super) unasked: u64,
    /// How long good answers took, those within [`PATIENCE`].
    pub(super) good: Vec<Duration>,
    /// Good answers that came too late.
    pub(super) late: u64,
    pub(super) shed: u64,
    pub(super) failed: BTreeMap<String, u64>,
}

/// What was counted, and over which time.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub(super) counts: Counts,
    pub(super) time: Duration,
}

impl Tally {
    /// Counts between these moments: requests when they are due, answers when they come. So what piles up is not taken
    /// for what is done.
    pub(super) fn between(from: Instant, until: Instant) -> Self {
        Self {
            from,
            until,
            counts: Mutex::default(),
        }
    }

    pub(super) fn due(&self, asked: bool) {
        self.now(|counts| {
            counts.due += 1;
            counts.unasked += u64::from(!asked);
        });
    }

    pub(super) fn ended(&self, outcome: Outcome, took: Duration) {
        self.now(|counts| match outcome {
            Outcome::Good if took <= PATIENCE => counts.good.push(took),
            Outcome::Good => counts.late += 1,
            Outcome::Shed => counts.shed += 1,
            Outcome::Failed(how) => *counts.failed.entry(how).or_default() += 1,
        });
    }

    pub(super) fn counted(&self) -> Counted {
        let mut counts = self.counts().clone();
        counts.good.sort_unstable();
        Counted {
            counts,
            time: self.until - self.from,
        }
    }

    fn now(&self, count: impl FnOnce(&mut Counts)) {
        if (self.from..self.until).contains(&Instant::now()) {
            count(&mut self.counts());
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
