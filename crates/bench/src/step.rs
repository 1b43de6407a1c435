//! The measurements of a load.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The CPU time of each process, by its name.
pub(crate) type CpuTimes = BTreeMap<String, Duration>;

/// What was measured while a load ran.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// The fixed rate; `None` in a closed loop.
    pub(crate) fixed_rate: Option<f64>,
    /// How long it took, with the handling of the events that it caused.
    pub(crate) time: Duration,
    /// The latencies of good responses in microseconds, from when the request was due.
    pub(crate) times: Histogram<u64>,
    /// The number of 503 responses.
    pub(crate) refused: u64,
    /// The number of other failures, by kind.
    pub(crate) failed: BTreeMap<String, u64>,
    /// The CPU time of each process during the load.
    pub(crate) cpu_times: CpuTimes,
}

/// The largest value of histograms, in microseconds.
const LONGEST: u64 = 600_000_000;

/// An empty histogram of microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST, 3).expect("a histogram supports three digits")
}

pub(crate) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Step {
    /// No measurements.
    pub(crate) fn empty(fixed_rate: Option<f64>) -> Self {
        Self {
            fixed_rate,
            time: Duration::ZERO,
            times: histogram(),
            refused: 0,
            failed: BTreeMap::new(),
            cpu_times: CpuTimes::new(),
        }
    }

    /// The number of good responses.
    pub(crate) fn good(&self) -> u64 {
        self.times.len()
    }

    /// Good responses per second.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.good() as f64 / self.time.as_secs_f64()
    }

    /// The number of failures other than 503.
    pub(crate) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// The CPU time of these processes per good response, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn cost<'a>(&self, processes: impl IntoIterator<Item = &'a str>) -> f64 {
        let cpu_times = processes
            .into_iter()
            .filter_map(|name| self.cpu_times.get(name));
        let all: f64 = cpu_times.map(Duration::as_secs_f64).sum();
        all * 1e6 / (self.good().max(1) as f64)
    }

    /// The share of one processor that the process used.
    pub(crate) fn busy(&self, process: &str) -> f64 {
        let cpu_times = self.cpu_times.get(process);
        cpu_times.map_or(0.0, |time| time.div_duration_f64(self.time))
    }

    /// Adds another slice of the same load.
    pub(crate) fn add(&mut self, other: &Self) {
        self.time += other.time;
        self.times
            .add(&other.times)
            .expect("both have the same digits");
        self.refused += other.refused;
        for (how, times) in &other.failed {
            *self.failed.entry(how.clone()).or_default() += times;
        }
        for (name, time) in &other.cpu_times {
            *self.cpu_times.entry(name.clone()).or_default() += *time;
        }
    }
}

/// The CPU time of each process between two measurements.
pub(crate) fn since(before: &CpuTimes, after: &CpuTimes) -> CpuTimes {
    let both = after.iter().filter_map(|(name, after)| {
        let before = before.get(name)?;
        Some((name.clone(), after.saturating_sub(*before)))
    });
    both.collect()
}
