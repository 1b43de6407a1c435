//! Audits a fleet at work: read-only, page by page, with bounded memory.
//!
//! Every ticket and every order is read by its id, with everything that belongs to it, and checked by the same
//! functions as the end of a chaos run. What looks wrong may only be in transit: an event is on its way, or Stripe has
//! not answered. So it is checked again every second. It is a violation if it stays the same for longer than anything
//! may be in transit (ten seconds, and twenty-four for money), and undecided if it keeps changing until the end.
//!
//! Memory holds a page of documents, a slice of the stream (200,000 events; a longer stream is read once per slice),
//! Stripe's charges if Stripe is read, and at most 5,000 findings. The audit refuses or reports what exceeds this.

mod auditor;
mod gathering;
mod ids;
mod stream_index;
mod suspects;
mod tally;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::access::{Access, now};
use super::snapshot::{Coverage, Slice};
use super::sources::Sources;
use super::stripe::StripeAccess;
use super::violation::{Invariant, Violation};
use auditor::Auditor;
pub use stream_index::MOST_EVENTS;
use stream_index::StreamIndex;

/// What to read besides the databases and the broker's consumers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account at Stripe; without it money is checked against what payments recorded.
    pub stripe: Option<StripeAccess>,
    /// Whether to read the stream of events.
    pub stream: bool,
}

/// The result of an audit.
#[derive(Debug, Clone)]
pub struct Report {
    /// The violations: at most twenty of each invariant, and the number of further ones.
    pub violations: Vec<Violation>,
    /// What looked wrong until the end and kept changing.
    pub undecided: Vec<Violation>,
    /// The number of findings that were in transit and are gone.
    pub settled: usize,
    /// Whether there were more findings than the limit.
    pub crowded: bool,
    /// The size of what was checked, by invariant.
    pub checked: Vec<(Invariant, String)>,
    /// How long it took.
    pub took: Duration,
}

/// Checks everything. `progress` receives a line for each step. An error means that something could not be read.
pub async fn audit(
    access: &Access,
    settings: &Settings,
    progress: &dyn Fn(&str),
) -> Result<Report> {
    let began = Instant::now();
    let sources = Sources::connect(access).await?;
    let backlogs = sources.broker().backlogs().await?;
    let mut auditor = Auditor::new(sources.clone(), settings).await?;
    let extent = sources.broker().extent().await?;
    let slices = match (settings.stream, stream_index::slices(extent.events)) {
        (false, _) => 1,
        (true, Some(slices)) => slices,
        (true, None) => bail!(
            "the stream has {} events and an audit reads at most {MOST_EVENTS}; leave the stream out (--no-stream)",
            extent.events
        ),
    };
    for index in 0..slices {
        let slice = Slice { index, of: slices };
        let stream_index = if settings.stream {
            progress(&format!("reading the stream ({} of {slices})", index + 1));
            StreamIndex::read(sources.broker(), extent, slice).await?
        } else {
            StreamIndex::empty(slice, Coverage::Since(now()))
        };
        auditor
            .part(stream_index, settings.stream, progress)
            .await?;
    }
    auditor.accounts().await?;
    auditor.consumers(&backlogs, began, progress).await?;
    let mut report = auditor.finish(settings);
    report.took = began.elapsed();
    Ok(report)
}
