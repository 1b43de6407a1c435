//! Counts the requests of one step of the load.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A response after this time counts as late.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The outcome of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A valid response.
    Good,
    /// Refused for now, with `Retry-After`.
    Shed,
    /// Anything else, with a short reason.
    Failed(String),
}

/// The requests of a step, counted once the load has settled.
#[derive(Debug)]
pub(super) struct Tally {
    from: Instant,
    until: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    /// The requests that were due.
    pub(super) due: u64,
    /// Those that were not sent because too many were open.
    pub(super) unsent: u64,
    /// The times of valid responses within [`TIME_LIMIT`].
    pub(super) good: Vec<Duration>,
    /// Valid responses after [`TIME_LIMIT`].
    pub(super) late: u64,
    pub(super) shed: u64,
    pub(super) failed: BTreeMap<String, u64>,
}

/// The counts, and the time that they cover.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub(super) counts: Counts,
    pub(super) time: Duration,
}

impl Tally {
    /// Counts between these times: requests when they are due, responses when they arrive. So requests that pile up do
    /// not count as done.
    pub(super) fn between(from: Instant, until: Instant) -> Self {
        Self {
            from,
            until,
            counts: Mutex::default(),
        }
    }

    pub(super) fn due(&self, is_sent: bool) {
        self.now(|counts| {
            counts.due += 1;
            counts.unsent += u64::from(!is_sent);
        });
    }

    pub(super) fn ended(&self, outcome: Outcome, took: Duration) {
        self.now(|counts| match outcome {
            Outcome::Good if took <= TIME_LIMIT => counts.good.push(took),
            Outcome::Good => counts.late += 1,
            Outcome::Shed => counts.shed += 1,
            Outcome::Failed(reason) => *counts.failed.entry(reason).or_default() += 1,
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
