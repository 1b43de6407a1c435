//! One kind of request, with what it was compared with.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::baseline::PROCESS;
use crate::lab::{LOAD, Lab, SERVERS};
use crate::original::Original;
use crate::step::Step;

/// How much of all requests may go wrong before the figures mean nothing.
const MOST_FAILURES: f64 = 0.01;

/// One kind of request.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(super) what: &'static str,
    /// At the fixed rate.
    pub(super) steady: Option<Figures>,
    /// As fast as the connections were answered.
    pub(super) full: Figures,
    pub(super) baseline: Option<Baseline>,
    pub(super) original: Original,
}

/// What it was compared with.
#[derive(Debug, Serialize)]
pub(super) struct Baseline {
    pub(super) name: &'static str,
    pub(super) steady: Option<Figures>,
    pub(super) full: Figures,
    /// Our rate through the baseline's.
    pub(super) share: f64,
    /// What that should at least be.
    pub(super) target: Option<f64>,
}

/// What was measured of a load.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    /// The rate that was asked.
    pub(super) asked: Option<f64>,
    /// Good answers a second.
    pub(super) rate: f64,
    pub(super) good: u64,
    pub(super) refused: u64,
    pub(super) failed: BTreeMap<String, u64>,
    /// Microseconds, from when a request was due.
    pub(super) p50: u64,
    pub(super) p99: u64,
    pub(super) p999: u64,
    /// How busy the load itself was, of one processor: near 1 the rate is the load's and not that of who answers.
    pub(super) load: f64,
    /// Microseconds that each process computed for one good answer.
    pub(super) cost: BTreeMap<String, f64>,
    /// The services among them.
    pub(super) services: f64,
    /// All of them.
    pub(super) everything: f64,
}

/// What is measured beside the fleet, while it is measured.
pub(crate) struct Compared {
    name: &'static str,
    target: Option<f64>,
    pub(crate) steady: Option<Step>,
    pub(crate) full: Option<Step>,
}

impl Compared {
    /// Nothing measured yet.
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
    /// An error if too much went wrong for the figures to mean anything.
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
                bad <= good * MOST_FAILURES,
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
        let cost = step.computed.keys();
        let cost = cost.map(|name| (name.clone(), step.cost([&**name])));
        Self {
            asked: step.asked,
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
