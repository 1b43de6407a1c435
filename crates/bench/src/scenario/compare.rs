//! Measures one kind of request in slices, in turn with slices of its baseline.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::baseline::{self, Baseline, PROCESS};
use crate::lab::{LOAD, Lab};
use crate::load::Pace;
use crate::original::Original;
use crate::report::{Compared, Row};
use crate::step::{Step, since};
use crate::work::{Read, Work};

/// The connections of the closed loop: as many as the original was measured with.
pub(super) const CONNECTIONS: usize = 32;

/// The number of slices of each side.
pub(super) const SLICES: u32 = 3;

const WARM_UP: Duration = Duration::from_secs(1);

/// The baseline of a scenario.
#[derive(Debug, Clone, Copy)]
pub(super) enum With {
    /// A bare handler that sends the same response.
    Handler,
    /// A bare loop that commits the same writes.
    Writes(&'static str),
    /// None: most of its cost is elsewhere.
    Nothing,
}

/// How a kind of request is measured.
pub(super) struct Plan {
    pub(super) what: &'static str,
    /// The rate of the open loop, well below the capacity of a machine with two processors.
    pub(super) rate: f64,
    pub(super) with: With,
    /// The wanted share of the baseline's rate.
    pub(super) target: Option<f64>,
    pub(super) original: Original,
}

/// Measures reads of one page.
pub(super) async fn read(lab: &Lab, read: Read, plan: Plan) -> Result<Row> {
    let bare = match plan.with {
        With::Handler => Some(Baseline::handler(lab, &lab.answer_to(&read).await?).await?),
        _ => None,
    };
    let work: Arc<dyn Work> = Arc::new(read.clone());
    let pace = Pace::Rate(lab.settings.rate.unwrap_or(plan.rate));
    let slice = lab.settings.time / SLICES;
    lab.run(&work, pace, WARM_UP).await?;
    let (mut steady, mut full) = (None, None);
    let mut compared = Compared::with("bare handler", plan.target);
    for _ in 0..SLICES {
        collect(&mut steady, lab.run(&work, pace, slice).await?);
        collect(
            &mut full,
            lab.run(&work, Pace::Connections(CONNECTIONS), slice)
                .await?,
        );
        if let Some((handler, address)) = &bare {
            let address = *address;
            let same: Arc<dyn Work> = Arc::new(Read {
                address,
                ..read.clone()
            });
            collect(
                &mut compared.steady,
                of(lab, handler, &same, pace, slice).await?,
            );
            let pace = Pace::Connections(CONNECTIONS);
            collect(
                &mut compared.full,
                of(lab, handler, &same, pace, slice).await?,
            );
        }
    }
    Row::new(
        lab,
        plan.what,
        steady.as_ref(),
        full,
        bare.map(|_| compared),
        plan.original,
    )
}

/// Runs the load against the bare handler.
async fn of(
    lab: &Lab,
    handler: &Baseline,
    work: &Arc<dyn Work>,
    pace: Pace,
    time: Duration,
) -> Result<Step> {
    let before = handler.cpu_time();
    let mut step = lab.run(work, pace, time).await?;
    if let (Some(before), Some(after)) = (before, handler.cpu_time()) {
        let process = |time| [(PROCESS.to_owned(), time)].into();
        step.cpu_times.retain(|name, _| name == LOAD);
        step.cpu_times
            .extend(since(&process(before), &process(after)));
    }
    Ok(step)
}

/// Measures work that a slice uses up. `make` creates it with a given number of targets.
pub(super) async fn each<W: Work>(
    lab: &Lab,
    plan: Plan,
    max_rate: f64,
    make: impl AsyncFn(usize) -> Result<W>,
) -> Result<Row> {
    let rate = lab.settings.rate.unwrap_or(plan.rate);
    let slice = lab.settings.time / SLICES;
    let run = async |pace: Pace, rate: f64, time: Duration| {
        let work: Arc<dyn Work> = Arc::new(make(count(rate, time)).await?);
        lab.settle().await?;
        lab.run(&work, pace, time).await
    };
    run(Pace::Rate(rate), rate, WARM_UP).await?;
    let (mut steady, mut full) = (None, None);
    let mut compared = Compared::with("bare writes", plan.target);
    for _ in 0..SLICES {
        collect(&mut steady, run(Pace::Rate(rate), rate, slice).await?);
        let connections = Pace::Connections(CONNECTIONS);
        collect(&mut full, run(connections, max_rate, slice).await?);
        if let With::Writes(of) = plan.with {
            collect(&mut compared.full, baseline::writes(lab, of, slice).await?);
        }
    }
    let compared = matches!(plan.with, With::Writes(_)).then_some(compared);
    Row::new(
        lab,
        plan.what,
        steady.as_ref(),
        full,
        compared,
        plan.original,
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and times are small and positive"
)]
fn count(rate: f64, time: Duration) -> usize {
    (rate * time.as_secs_f64()).ceil() as usize + CONNECTIONS
}

/// Adds a slice to the slices before.
pub(super) fn collect(all: &mut Option<Step>, slice: Step) {
    match all {
        None => *all = Some(slice),
        Some(all) => all.add(&slice),
    }
}

/// Fails if any request failed.
pub(super) fn expect_all_good(step: &Step) -> Result<()> {
    let failed = &step.failed;
    ensure!(failed.is_empty(), "some requests failed: {failed:?}");
    Ok(())
}
