//! What was counted while some load ran.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// How long each process computed, by its name.
pub(crate) type Computed = BTreeMap<String, Duration>;

/// What came of some load.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// The rate that was asked; `None` where the next request waited for the last one's answer.
    pub(crate) asked: Option<f64>,
    /// How long it took, until all that followed from it was done too.
    pub(crate) time: Duration,
    /// Good answers: the microseconds since each was due.
    pub(crate) times: Histogram<u64>,
    /// How many were told to come back later.
    pub(crate) refused: u64,
    /// What else went wrong, in a word or two.
    pub(crate) failed: BTreeMap<String, u64>,
    /// What it cost.
    pub(crate) computed: Computed,
}

/// The longest time that is told from longer ones, in microseconds.
const LONGEST: u64 = 600_000_000;

/// An empty histogram of microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST, 3).expect("three digits are within what a histogram can do")
}

pub(crate) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Step {
    /// Nothing yet.
    pub(crate) fn empty(asked: Option<f64>) -> Self {
        Self {
            asked,
            time: Duration::ZERO,
            times: histogram(),
            refused: 0,
            failed: BTreeMap::new(),
            computed: Computed::new(),
        }
    }

    /// Good answers.
    pub(crate) fn good(&self) -> u64 {
        self.times.len()
    }

    /// Good answers a second.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.good() as f64 / self.time.as_secs_f64()
    }

    /// Whatever was not answered well.
    pub(crate) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// What a good answer cost these processes together, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn cost<'a>(&self, processes: impl IntoIterator<Item = &'a str>) -> f64 {
        let computed = processes
            .into_iter()
            .filter_map(|name| self.computed.get(name));
        let all: f64 = computed.map(Duration::as_secs_f64).sum();
        all * 1e6 / (self.good().max(1) as f64)
    }

    /// How much of one processor's time the process took.
    pub(crate) fn busy(&self, process: &str) -> f64 {
        let computed = self.computed.get(process);
        computed.map_or(0.0, |time| time.div_duration_f64(self.time))
    }

    /// Takes another slice of the same load in.
    pub(crate) fn add(&mut self, other: &Self) {
        self.time += other.time;
        self.times
            .add(&other.times)
            .expect("both have the same digits");
        self.refused += other.refused;
        for (how, times) in &other.failed {
            *self.failed.entry(how.clone()).or_default() += times;
        }
        for (name, time) in &other.computed {
            *self.computed.entry(name.clone()).or_default() += *time;
        }
    }
}

/// How long each process computed between two looks.
pub(crate) fn since(before: &Computed, after: &Computed) -> Computed {
    let both = after.iter().filter_map(|(name, after)| {
        let before = before.get(name)?;
        Some((name.clone(), after.saturating_sub(*before)))
    });
    both.collect()
}
