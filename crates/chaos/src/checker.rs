//! Says whether what must always hold does hold, by the databases, the broker and Stripe's ledger, and never by asking
//! a service.
//!
//! A look at everything is a `Snapshot`; each invariant is a pure function of it in `invariants`. While
//! the run goes on a [`Watch`] looks at what has versions, and `sightings` knows what must not happen between one
//! look and the next. Documents and events are read into types of the checker's own.

mod documents;
mod invariants;
#[cfg(test)]
mod sample;
mod settling;
mod sightings;
mod snapshot;
mod sources;
mod told;
mod violation;
mod watch;

use std::time::Duration;

use anyhow::{Context, Result};
use common::Timestamp;
use testkit::Fleet;
use tokio::time::sleep;

use crate::history::History;
use settling::{EVERY, Settling};
use snapshot::{Snapshot, Stream};
use sources::Sources;
use violation::bounded;
pub use violation::{Invariant, Violation};
use watch::Lookout;
pub use watch::Watch;

/// How often it is looked at the end whether what is wrong stays so.
const LAST_LOOKS: usize = 5;

/// Reads the servers of a fleet.
#[derive(Debug)]
pub struct Checker<'a> {
    fleet: &'a Fleet,
    lookout: Lookout,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What does not hold; nothing, one hopes.
    pub violations: Vec<Violation>,
    /// What was looked at, in figures.
    pub checked: Vec<(Invariant, String)>,
    /// How long after the last fault and the end of the load everything agreed for the first time.
    pub agreed_after: Option<Duration>,
    /// How many events the broker took in, over all streams that were seen.
    pub events: u64,
}

impl<'a> Checker<'a> {
    /// Connects straight to the fleet's servers, all of which must be up now.
    pub async fn connect(fleet: &'a Fleet) -> Result<Self> {
        let lookout = Lookout::new(Sources::connect(fleet).await?);
        lookout.look().await.context("a first look")?;
        Ok(Self { fleet, lookout })
    }

    /// Begins to look at the databases while the run goes on, as often as they are there.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::start(self.lookout.clone())
    }

    /// Waits until everything agrees, or should have, and checks all of it. An error means that the servers could not
    /// be read.
    pub async fn check(
        &self,
        history: &History,
        healed_at: Timestamp,
        load_ended_at: Timestamp,
    ) -> Result<Verdict> {
        let mut settling = Settling::since(healed_at.max(load_ended_at));
        while !settling.is_over(self.lookout.now()) {
            match self.snapshot().await {
                Ok(snapshot) => settling.look(&snapshot),
                Err(error) => settling.missed(error, self.lookout.now())?,
            }
            sleep(EVERY).await;
        }
        // First the events and then the state: what was told is never ahead of its owner.
        let mut stream = Stream {
            whole: false,
            events: self.lookout.sources().broker().events().await?,
        };
        let snapshot = self.last_snapshot().await?;
        let mut sightings = self.lookout.sightings().lock().await;
        stream.whole = sightings.stream_is_whole();
        let acknowledged = history.all();
        let mut violations = invariants::of_state(&snapshot);
        violations.extend(settling.late_but_right(&violations));
        violations.extend(invariants::of_history(&snapshot, &stream, &acknowledged));
        violations.extend(sightings.overdue(healed_at));
        violations.extend(sightings.lost_letters());
        violations.extend(sightings.take_violations());
        Ok(Verdict {
            violations: bounded(violations),
            checked: invariants::summary(&snapshot, &stream, &acknowledged, &sightings),
            agreed_after: settling.agreed_after,
            events: sightings.events(),
        })
    }

    /// What is at the end. An event may arrive at the very moment of a look, such as that of a paid order whose time is
    /// over, so what is wrong must be so for a few looks.
    async fn last_snapshot(&self) -> Result<Snapshot> {
        let mut snapshot = self.snapshot().await?;
        for _ in 0..LAST_LOOKS {
            if invariants::of_state(&snapshot).is_empty() {
                break;
            }
            sleep(EVERY).await;
            snapshot = self.snapshot().await?;
        }
        Ok(snapshot)
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        let (at, databases) = self.lookout.look().await?;
        let ledger = self.fleet.stripe().ledger();
        let sources = self.lookout.sources();
        sources.complete(at, databases, ledger).await
    }
}
