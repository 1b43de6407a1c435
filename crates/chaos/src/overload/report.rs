//! What a run found, as a table.

use std::fmt;
use std::time::Duration;

use super::tally::Counted;

/// How much of its best the fleet must still do when five times as much is asked of it, in percent.
const LEAST_SHARE: f64 = 90.0;

/// What a run found.
#[derive(Debug)]
pub struct Report {
    /// Who ran where.
    pub(super) processors: String,
    pub(super) phases: Vec<Phase>,
    /// Each process, and what it held before and after in MiB.
    pub(super) memory: Vec<(String, u64, u64)>,
    /// How long a purchase took after the storm, or why there was none.
    pub(super) recovery: Result<Duration, String>,
    /// What ended unasked, or not in order.
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

    /// Good answers a second.
    #[must_use]
    pub fn goodput(&self) -> f64 {
        self.rate(self.counted.counts.good.len() as u64)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.counted.time.as_secs_f64()
    }

    /// The time within which this part of the good answers came, in milliseconds.
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
    /// The best that the fleet did, in good answers a second.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.phases.iter().map(Phase::goodput).fold(0.0, f64::max)
    }

    /// How much of its best the fleet did in this step, in percent.
    fn share(&self, phase: &Phase) -> f64 {
        phase.goodput() * 100.0 / self.peak()
    }

    /// Whether the fleet kept doing what it can when far more was asked of it, and was well right after.
    #[must_use]
    pub fn holds(&self) -> bool {
        let mut worst = self.phases.iter().filter(|phase| phase.is_worst);
        let steady = worst.all(|phase| self.share(phase) >= LEAST_SHARE);
        steady && self.recovery.is_ok() && self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.processors)?;
        writeln!(
            f,
            "{:<14}{:>9}{:>9}{:>8}{:>9}{:>7}{:>8}{:>8}{:>8}",
            "", "asked/s", "good/s", "share", "shed/s", "late", "failed", "p50 ms", "p99 ms"
        )?;
        for phase in &self.phases {
            self.fmt_phase(phase, f)?;
        }
        writeln!(f, "\nmemory, MiB        before   after")?;
        for (name, before, after) in &self.memory {
            writeln!(f, "{name:<16}{before:>9}{after:>8}")?;
        }
        match &self.recovery {
            Ok(took) => write!(f, "\na purchase after the storm took {took:?}")?,
            Err(reason) => write!(f, "\nno purchase after the storm: {reason}")?,
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
        for (how, count) in &counts.failed {
            writeln!(f, "{:<14}failed: {how}: {count}", "")?;
        }
        if counts.unasked > 0 {
            writeln!(
                f,
                "{:<14}the generator had too much open and did not ask {}",
                "", counts.unasked
            )?;
        }
        Ok(())
    }
}
