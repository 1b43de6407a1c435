//! Checks a fleet whose load and faults have ended. All of its data is read at once.

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
use super::settlement::{EVERY, Settlement};
use super::snapshot::{Coverage, Slice, Snapshot, Stream};
use super::sources::Sources;
use super::violation::{Invariant, Violation, bounded};
use super::watch::{Sampler, Watch};

/// How often violations of the last snapshot are checked again.
const LAST_TRIES: usize = 5;

/// Reads the servers of a fleet.
#[derive(Clone)]
pub struct Checker {
    sampler: Sampler,
    ledger: Arc<dyn Fn() -> Ledger + Send + Sync>,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker").finish_non_exhaustive()
    }
}

/// The result of a check.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The violations.
    pub violations: Vec<Violation>,
    /// The size of what was checked, by invariant.
    pub checked: Vec<(Invariant, String)>,
    /// How long after the last fault and the end of the load everything agreed for the first time.
    pub agreed_after: Option<Duration>,
    /// The number of events in all streams that were observed.
    pub events: u64,
}

impl Checker {
    /// Connects directly to the fleet's servers, all of which must be available now. `ledger` is called for each
    /// snapshot.
    pub async fn connect(
        access: &Access,
        ledger: impl Fn() -> Ledger + Send + Sync + 'static,
    ) -> Result<Self> {
        let sampler = Sampler::new(Sources::connect(access).await?);
        sampler.sample().await.context("the first sample")?;
        Ok(Self {
            sampler,
            ledger: Arc::new(ledger),
        })
    }

    /// Starts to observe the databases in the background, whenever they are available.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::start(self.sampler.clone())
    }

    /// Waits until everything agrees or the time for it is over, and checks every invariant. An error means that the
    /// servers could not be read.
    pub async fn check(
        &self,
        acknowledged: &[Acknowledged],
        healed_at: Timestamp,
        load_ended_at: Timestamp,
    ) -> Result<Verdict> {
        let mut settlement = Settlement::since(healed_at.max(load_ended_at));
        while !settlement.is_over(now()) {
            match self.snapshot().await {
                Ok(snapshot) => settlement.observe(&snapshot),
                Err(error) => settlement.missed(error, now())?,
            }
            sleep(EVERY).await;
        }
        // Events are read before the databases, so an event can never be newer than its entity.
        let events = self.sampler.sources().broker().events().await?;
        let snapshot = Box::pin(self.last_snapshot()).await?;
        let mut observer = self.sampler.observer().lock().await;
        let coverage = if observer.stream_is_complete() {
            Coverage::Everything
        } else {
            Coverage::Present
        };
        let stream = Stream {
            coverage,
            slice: Slice::default(),
            events,
        };
        let mut violations = invariants::of_state(&snapshot);
        violations.extend(settlement.late_but_right(&violations));
        violations.extend(invariants::of_history(&snapshot, &stream, acknowledged));
        violations.extend(observer.overdue(healed_at));
        violations.extend(observer.lost_dead_letters());
        violations.extend(observer.take_violations());
        Ok(Verdict {
            violations: bounded(violations),
            checked: invariants::summary(&snapshot, &stream, acknowledged, &observer),
            agreed_after: settlement.agreed_after,
            events: observer.events(),
        })
    }

    /// The last snapshot. An event may arrive while it is read, such as the expiration of a paid order, so a violation
    /// must last for several snapshots.
    async fn last_snapshot(&self) -> Result<Snapshot> {
        let mut snapshot = self.snapshot().await?;
        for _ in 0..LAST_TRIES {
            if invariants::of_state(&snapshot).is_empty() {
                break;
            }
            sleep(EVERY).await;
            snapshot = self.snapshot().await?;
        }
        Ok(snapshot)
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        let (at, databases) = self.sampler.sample().await?;
        let sources = self.sampler.sources();
        sources.complete(at, databases, (self.ledger)()).await
    }
}
