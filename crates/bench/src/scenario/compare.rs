//! One kind of request, measured slice by slice in turn with what it is compared with.

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

/// How many connections ask again and again: as many as the original was measured with.
pub(super) const CONNECTIONS: usize = 32;

/// How often each side has its turn.
pub(super) const SLICES: u32 = 3;

const WARM_UP: Duration = Duration::from_secs(1);

/// What a scenario is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) enum With {
    /// A bare handler that answers the same bytes.
    Handler,
    /// A bare loop that commits the same writes.
    Writes(&'static str),
    /// Nothing: its cost is something else's.
    Nothing,
}

/// How a kind of request is measured.
pub(super) struct Plan {
    pub(super) what: &'static str,
    /// The fixed rate, well below what a machine of two processors can do.
    pub(super) rate: f64,
    pub(super) with: With,
    /// How much of the baseline's rate there should be.
    pub(super) target: Option<f64>,
    pub(super) original: Original,
}

/// Measures reads of the same page.
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
    let before = handler.computed();
    let mut step = lab.run(work, pace, time).await?;
    if let (Some(before), Some(after)) = (before, handler.computed()) {
        let process = |time| [(PROCESS.to_owned(), time)].into();
        step.computed.retain(|name, _| name == LOAD);
        step.computed
            .extend(since(&process(before), &process(after)));
    }
    Ok(step)
}

/// Measures what `make` gives: works of so many wishes, each used up by a slice.
pub(super) async fn each<W: Work>(
    lab: &Lab,
    plan: Plan,
    most_a_second: f64,
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
        collect(&mut full, run(connections, most_a_second, slice).await?);
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

/// Adds a slice to what was measured before.
pub(super) fn collect(all: &mut Option<Step>, slice: Step) {
    match all {
        None => *all = Some(slice),
        Some(all) => all.add(&slice),
    }
}

/// An error if any request failed.
pub(super) fn expect_all_good(step: &Step) -> Result<()> {
    let failed = &step.failed;
    ensure!(failed.is_empty(), "not all were answered well: {failed:?}");
    Ok(())
}
