//! The figures of one kind of request and of its baseline.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::baseline::PROCESS;
use crate::lab::{LOAD, Lab, SERVERS};
use crate::original::Original;
use crate::step::Step;

/// With a larger share of failures the figures mean nothing.
const MAX_FAILURES: f64 = 0.01;

/// One kind of request.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(super) what: &'static str,
    /// In the open loop.
    pub(super) steady: Option<Figures>,
    /// In the closed loop.
    pub(super) full: Figures,
    pub(super) baseline: Option<Baseline>,
    pub(super) original: Original,
}

/// The figures of the bare program.
#[derive(Debug, Serialize)]
pub(super) struct Baseline {
    pub(super) name: &'static str,
    pub(super) steady: Option<Figures>,
    pub(super) full: Figures,
    /// Our rate divided by the baseline's.
    pub(super) share: f64,
    /// The smallest share that is wanted.
    pub(super) target: Option<f64>,
}

/// The figures of one load.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    /// The rate of the open loop.
    pub(super) fixed_rate: Option<f64>,
    /// Good responses per second.
    pub(super) rate: f64,
    pub(super) good: u64,
    pub(super) refused: u64,
    pub(super) failed: BTreeMap<String, u64>,
    /// Latency in microseconds, from when a request was due.
    pub(super) p50: u64,
    pub(super) p99: u64,
    pub(super) p999: u64,
    /// The share of one processor that the load generator used. Near 1, the rate is the generator's limit and not the
    /// fleet's.
    pub(super) load: f64,
    /// CPU time of each process per good response, in microseconds.
    pub(super) cost: BTreeMap<String, f64>,
    /// The same for all services.
    pub(super) services: f64,
    /// The same for services and servers.
    pub(super) everything: f64,
}

/// The measurements of a bare program, taken in turn with the fleet's.
pub(crate) struct Compared {
    name: &'static str,
    target: Option<f64>,
    pub(crate) steady: Option<Step>,
    pub(crate) full: Option<Step>,
}

impl Compared {
    /// No measurements yet.
    pub(crate) const fn with(name: &'static str, target: Option<f64>) -> Self {
        Self {
            name,
            target,
            steady: None,
            full: None,
        }
    }
}

impl Row {
    /// Fails if the share of failures is too large.
    pub(crate) fn new(
        lab: &Lab,
        what: &'static str,
        steady: Option<&Step>,
        full: Option<Step>,
        compared: Option<Compared>,
        original: Original,
    ) -> Result<Self> {
        let full = full.unwrap_or_else(|| Step::empty(None));
        for step in steady.into_iter().chain([&full]) {
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let (good, bad) = (step.good() as f64, step.failures() as f64);
            let failed = &step.failed;
            ensure!(
                bad <= good * MAX_FAILURES,
                "{what}: {failed:?}, {good} good"
            );
        }
        let figures = |step: &Step| Figures::of(lab, step);
        let baseline = compared.and_then(|compared| {
            let bare = compared.full?;
            Some(Baseline {
                name: compared.name,
                steady: compared.steady.as_ref().map(figures),
                share: full.rate() / bare.rate(),
                full: figures(&bare),
                target: compared.target,
            })
        });
        Ok(Self {
            what,
            steady: steady.map(figures),
            full: figures(&full),
            baseline,
            original,
        })
    }
}

impl Figures {
    fn of(lab: &Lab, step: &Step) -> Self {
        let cost = step.cpu_times.keys();
        let cost = cost.map(|name| (name.clone(), step.cost([&**name])));
        Self {
            fixed_rate: step.fixed_rate,
            rate: step.rate(),
            good: step.good(),
            refused: step.refused,
            failed: step.failed.clone(),
            p50: step.times.value_at_quantile(0.5),
            p99: step.times.value_at_quantile(0.99),
            p999: step.times.value_at_quantile(0.999),
            load: step.busy(LOAD),
            services: step.cost(lab.services().chain([PROCESS])),
            everything: step.cost(lab.services().chain(SERVERS).chain([PROCESS])),
            cost: cost.collect(),
        }
    }
}
