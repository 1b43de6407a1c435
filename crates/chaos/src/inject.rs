//! Carries out a schedule: each fault at its time, healed after its duration, with a note of when both happened.

mod apply;
mod redeliver;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testkit::Fleet;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::fault::{Fault, Resource};
use crate::schedule::{Planned, Schedule};
use apply::Effect;

/// A fault that happened.
#[derive(Debug, Clone)]
pub struct Injection {
    /// What it was.
    pub fault: Fault,
    /// When it began, counted from the start of the schedule.
    pub began: Duration,
    /// When all was back; none as long as it is not.
    pub healed: Option<Duration>,
    /// Why it could not be injected or healed.
    pub failed: Option<String>,
    /// What is worth saying of it beyond its name.
    pub remark: Option<String>,
    /// What processes did that they must not when they are stopped and started.
    pub unruly: Vec<String>,
}

/// The schedule, being carried out.
pub(crate) struct Injector {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    fleet: Arc<Fleet>,
    started: Instant,
    injections: Mutex<Vec<Injection>>,
    /// A fault that takes longer than planned, as starts do on a machine with much to do, makes the next one of the
    /// same thing wait.
    turns: BTreeMap<Resource, Arc<Turn<()>>>,
    /// Heals everything that is at work, and lets nothing more begin.
    stop: CancellationToken,
}

impl Injector {
    /// Begins now.
    pub(crate) fn start(fleet: Arc<Fleet>, schedule: &Schedule, stop: CancellationToken) -> Self {
        let resources = schedule
            .planned
            .iter()
            .flat_map(|planned| planned.fault.resources());
        let shared = Arc::new(Shared {
            fleet,
            started: Instant::now(),
            injections: Mutex::default(),
            turns: resources
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

    /// What is at work at this moment.
    pub(crate) fn at_work(&self) -> Vec<Fault> {
        let injections = self.shared.injections();
        let at_work = injections
            .iter()
            .filter(|injection| injection.healed.is_none() && injection.failed.is_none());
        at_work.map(|injection| injection.fault).collect()
    }

    /// Waits until everything has happened and is healed.
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
        let _turns = self.take_turns(planned.fault).await;
        if self.stop.is_cancelled() {
            return;
        }
        let (begun, place) = (Instant::now(), self.note_begin(planned.fault));
        let injected = apply::inject(&self.fleet, planned.fault).await;
        if injected.is_ok() {
            let healing = sleep_until(begun + planned.lasts);
            self.stop.run_until_cancelled(healing).await;
        }
        // Also what was injected only in part.
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

    /// Waits until no other fault has any of its things in hand. All faults take them in one order.
    async fn take_turns(&self, fault: Fault) -> Vec<OwnedMutexGuard<()>> {
        let mut turns = Vec::new();
        for resource in fault.resources() {
            let turn = self
                .turns
                .get(&resource)
                .expect("every resource has its turn");
            turns.push(turn.clone().lock_owned().await);
        }
        turns
    }

    fn note_begin(&self, fault: Fault) -> usize {
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
