//! The results of a run, as a table.

use std::fmt;
use std::time::Duration;

use super::tally::Counted;

/// The least goodput at five times the capacity, in percent of the peak.
const LEAST_SHARE: f64 = 90.0;

/// The results of a run.
#[derive(Debug)]
pub struct Report {
    /// How the processors were divided.
    pub(super) processors: String,
    pub(super) phases: Vec<Phase>,
    /// The memory of each process before and after, in MiB.
    pub(super) memory: Vec<(String, u64, u64)>,
    /// How long a purchase took after the overload, or why it failed.
    pub(super) recovery: Result<Duration, String>,
    /// Processes that ended unexpectedly, or did not stop in order.
    pub(super) faults: Vec<String>,
}

/// One step of the load.
#[derive(Debug)]
pub struct Phase {
    name: String,
    is_worst: bool,
    counted: Counted,
}

impl Phase {
    pub(super) fn closed(shoppers: usize, counted: Counted) -> Self {
        Self {
            name: format!("{shoppers} shoppers"),
            is_worst: false,
            counted,
        }
    }

    pub(super) fn open(multiple: u32, counted: Counted) -> Self {
        Self {
            name: format!("{multiple}x capacity"),
            is_worst: multiple == 5,
            counted,
        }
    }

    /// Valid responses in time, per second.
    #[must_use]
    pub fn goodput(&self) -> f64 {
        self.rate(self.counted.counts.good.len() as u64)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.counted.time.as_secs_f64()
    }

    /// This percentile of the response times, in milliseconds.
    fn quantile(&self, percent: usize) -> u128 {
        let good = &self.counted.counts.good;
        let index = (good.len() * percent / 100).min(good.len().saturating_sub(1));
        good.get(index).map_or(0, Duration::as_millis)
    }

    fn failures(&self) -> u64 {
        self.counted.counts.failed.values().sum()
    }
}

impl Report {
    /// The highest goodput of all steps.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.phases.iter().map(Phase::goodput).fold(0.0, f64::max)
    }

    /// The goodput of this step in percent of the peak.
    fn share(&self, phase: &Phase) -> f64 {
        phase.goodput() * 100.0 / self.peak()
    }

    /// Whether goodput held under overload, and the fleet was sound right after.
    #[must_use]
    pub fn holds(&self) -> bool {
        let mut worst = self.phases.iter().filter(|phase| phase.is_worst);
        let is_steady = worst.all(|phase| self.share(phase) >= LEAST_SHARE);
        is_steady && self.recovery.is_ok() && self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.processors)?;
        writeln!(
            f,
            "{:<14}{:>9}{:>9}{:>8}{:>9}{:>7}{:>8}{:>8}{:>8}",
            "", "sent/s", "good/s", "share", "shed/s", "late", "failed", "p50 ms", "p99 ms"
        )?;
        for phase in &self.phases {
            self.fmt_phase(phase, f)?;
        }
        writeln!(f, "\nmemory, MiB        before   after")?;
        for (name, before, after) in &self.memory {
            writeln!(f, "{name:<16}{before:>9}{after:>8}")?;
        }
        match &self.recovery {
            Ok(took) => write!(f, "\na purchase after the overload took {took:?}")?,
            Err(reason) => write!(f, "\nno purchase after the overload: {reason}")?,
        }
        self.faults
            .iter()
            .try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

impl Report {
    fn fmt_phase(&self, phase: &Phase, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &phase.counted.counts;
        writeln!(
            f,
            "{:<14}{:>9.0}{:>9.0}{:>7.0}%{:>9.0}{:>7}{:>8}{:>8}{:>8}",
            phase.name,
            phase.rate(counts.due),
            phase.goodput(),
            self.share(phase),
            phase.rate(counts.shed),
            counts.late,
            phase.failures(),
            phase.quantile(50),
            phase.quantile(99),
        )?;
        for (reason, count) in &counts.failed {
            writeln!(f, "{:<14}failed: {reason}: {count}", "")?;
        }
        if counts.unsent > 0 {
            writeln!(
                f,
                "{:<14}the generator had too many open requests and did not send {}",
                "", counts.unsent
            )?;
        }
        Ok(())
    }
}
