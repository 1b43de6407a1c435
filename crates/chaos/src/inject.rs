//! Carries out a schedule: injects each fault at its time, heals it after its duration, and records both times.

mod apply;
mod redeliver;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testkit::Fleet;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::fault::{Fault, Resource};
use crate::schedule::{Planned, Schedule};
use apply::Effect;

/// A fault that was injected.
#[derive(Debug, Clone)]
pub struct Injection {
    /// The fault.
    pub fault: Fault,
    /// When it began, since the start of the schedule.
    pub began: Duration,
    /// When it was healed, if it was.
    pub healed: Option<Duration>,
    /// Why it could not be injected or healed.
    pub failed: Option<String>,
    /// A detail for the report.
    pub remark: Option<String>,
    /// Processes that did not stop or start in order.
    pub unruly: Vec<String>,
}

/// A schedule that is carried out.
pub(crate) struct Injector {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    fleet: Arc<Fleet>,
    started: Instant,
    injections: Mutex<Vec<Injection>>,
    /// A fault may take longer than planned, because starts are slow on a busy machine. The next fault of the same
    /// resource waits for it.
    locks: BTreeMap<Resource, Arc<AsyncMutex<()>>>,
    /// Heals all active faults and prevents further ones.
    stop: CancellationToken,
}

impl Injector {
    /// Starts now.
    pub(crate) fn start(fleet: Arc<Fleet>, schedule: &Schedule, stop: CancellationToken) -> Self {
        let resources = schedule
            .planned
            .iter()
            .flat_map(|planned| planned.fault.resources());
        let shared = Arc::new(Shared {
            fleet,
            started: Instant::now(),
            injections: Mutex::default(),
            locks: resources
                .map(|resource| (resource, Arc::default()))
                .collect(),
            stop,
        });
        let mut tasks = JoinSet::new();
        for &planned in &schedule.planned {
            let shared = shared.clone();
            tasks.spawn(async move { shared.carry_out(planned).await });
        }
        Self { shared, tasks }
    }

    /// The active faults.
    pub(crate) fn active(&self) -> Vec<Fault> {
        let injections = self.shared.injections();
        let active = injections
            .iter()
            .filter(|injection| injection.healed.is_none() && injection.failed.is_none());
        active.map(|injection| injection.fault).collect()
    }

    /// Waits until all faults were injected and healed.
    pub(crate) async fn finish(mut self) -> Vec<Injection> {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "an injection panicked");
            }
        }
        let mut injections = self.shared.injections().clone();
        injections.sort_by_key(|injection| injection.began);
        injections
    }
}

impl Shared {
    async fn carry_out(&self, planned: Planned) {
        let due = sleep_until(self.started + planned.begins);
        if self.stop.run_until_cancelled(due).await.is_none() {
            return;
        }
        let _locks = self.lock(planned.fault).await;
        if self.stop.is_cancelled() {
            return;
        }
        let (begun, place) = (Instant::now(), self.record(planned.fault));
        let injected = apply::inject(&self.fleet, planned.fault).await;
        if injected.is_ok() {
            let healing = sleep_until(begun + planned.lasts);
            self.stop.run_until_cancelled(healing).await;
        }
        // A partial injection has to be healed too.
        let healed = apply::heal(&self.fleet, planned.fault).await;
        let mut injections = self.injections();
        let injection = &mut injections[place];
        injection.healed = Some(self.started.elapsed());
        let healed = healed.map(|unruly| Effect {
            unruly,
            ..Effect::default()
        });
        let mut failed = Vec::new();
        for effect in [injected, healed] {
            match effect {
                Ok(effect) => {
                    injection.unruly.extend(effect.unruly);
                    injection.remark = injection.remark.take().or(effect.remark);
                }
                Err(error) => failed.push(format!("{error:#}")),
            }
        }
        injection.failed = (!failed.is_empty()).then(|| failed.join("; "));
    }

    /// Waits until no other fault affects any of the fault's resources. All faults lock them in the same order.
    async fn lock(&self, fault: Fault) -> Vec<OwnedMutexGuard<()>> {
        let mut guards = Vec::new();
        for resource in fault.resources() {
            let lock = self.locks.get(&resource);
            let lock = lock.expect("every resource has a lock");
            guards.push(lock.clone().lock_owned().await);
        }
        guards
    }

    fn record(&self, fault: Fault) -> usize {
        let mut injections = self.injections();
        injections.push(Injection {
            fault,
            began: self.started.elapsed(),
            healed: None,
            failed: None,
            remark: None,
            unruly: Vec::new(),
        });
        injections.len() - 1
    }

    fn injections(&self) -> MutexGuard<'_, Vec<Injection>> {
        self.injections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
