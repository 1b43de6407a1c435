//! The check of a fleet whose load and faults have ended: all of it is read at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use common::Timestamp;
use tokio::time::sleep;

use super::access::{Access, now};
use super::acknowledged::Acknowledged;
use super::invariants;
use super::ledger::Ledger;
use super::settling::{EVERY, Settling};
use super::snapshot::{Reach, Slice, Snapshot, Stream};
use super::sources::Sources;
use super::violation::{Invariant, Violation, bounded};
use super::watch::{Lookout, Watch};

/// How often it is looked at the end whether what is wrong stays so.
const LAST_LOOKS: usize = 5;

/// Reads the servers of a fleet.
#[derive(Clone)]
pub struct Checker {
    lookout: Lookout,
    ledger: Arc<dyn Fn() -> Ledger + Send + Sync>,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker").finish_non_exhaustive()
    }
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

impl Checker {
    /// Connects straight to the fleet's servers, all of which must be up now. Stripe's account is asked for with each
    /// look.
    pub async fn connect(
        access: &Access,
        ledger: impl Fn() -> Ledger + Send + Sync + 'static,
    ) -> Result<Self> {
        let lookout = Lookout::new(Sources::connect(access).await?);
        lookout.look().await.context("a first look")?;
        Ok(Self {
            lookout,
            ledger: Arc::new(ledger),
        })
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
        acknowledged: &[Acknowledged],
        healed_at: Timestamp,
        load_ended_at: Timestamp,
    ) -> Result<Verdict> {
        let mut settling = Settling::since(healed_at.max(load_ended_at));
        while !settling.is_over(now()) {
            match self.snapshot().await {
                Ok(snapshot) => settling.look(&snapshot),
                Err(error) => settling.missed(error, now())?,
            }
            sleep(EVERY).await;
        }
        // First the events and then the state: what was told is never ahead of its owner.
        let events = self.lookout.sources().broker().events().await?;
        let snapshot = Box::pin(self.last_snapshot()).await?;
        let mut sightings = self.lookout.sightings().lock().await;
        let reach = if sightings.stream_is_whole() {
            Reach::Everything
        } else {
            Reach::Present
        };
        let stream = Stream {
            reach,
            slice: Slice::default(),
            events,
        };
        let mut violations = invariants::of_state(&snapshot);
        violations.extend(settling.late_but_right(&violations));
        violations.extend(invariants::of_history(&snapshot, &stream, acknowledged));
        violations.extend(sightings.overdue(healed_at));
        violations.extend(sightings.lost_letters());
        violations.extend(sightings.take_violations());
        Ok(Verdict {
            violations: bounded(violations),
            checked: invariants::summary(&snapshot, &stream, acknowledged, &sightings),
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
        let sources = self.lookout.sources();
        sources.complete(at, databases, (self.ledger)()).await
    }
}
