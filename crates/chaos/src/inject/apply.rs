//! Injects and heals each kind of fault.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::future::{join_all, try_join_all};
use stripe_stand_in::{Fault as StripeFault, FaultKind};
use testkit::fleet::{SERVICES, Service};
use testkit::proxy::{Condition, Dependency, Proxy};
use testkit::{Fleet, servers};

use super::redeliver;
use crate::fault::{Fault, Kind, Replicas, Server, Target};

/// The delay of a slow link. A request makes several round trips.
const DELAY: Duration = Duration::from_millis(300);

/// The delays of Stripe's answers, some of which exceed the fleet's timeout.
const SLOW_STRIPE: [u64; 3] = [400, 2_000, 9_000];

/// The delay of a webhook.
const LATE_WEBHOOK: u64 = 700;

/// How often a process that ends unexpectedly is restarted.
const STARTS: usize = 5;

/// More than the requests during a fault. The rest is cleared.
const MANY: u32 = 200;

/// The result of an injection or of its healing.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// A detail for the report.
    pub(super) remark: Option<String>,
    /// Processes that did not stop or start in order.
    pub(super) unruly: Vec<String>,
}

/// Injects the fault.
pub(super) async fn inject(fleet: &Fleet, fault: Fault) -> Result<Effect> {
    let mut effect = Effect::default();
    match (fault.kind, fault.target) {
        (Kind::Kill, Target::Replicas(replicas)) => {
            let processes = processes(fleet, replicas);
            join_all(processes.iter().map(|process| process.kill())).await;
        }
        (Kind::KillNats | Kind::KillRedis | Kind::KillMongo, Target::Server(which)) => {
            server(fleet, which).kill().await?;
        }
        (Kind::Suspend, Target::Replicas(replicas)) => {
            let processes = processes(fleet, replicas);
            join_all(processes.iter().map(|process| process.suspend())).await;
        }
        (Kind::Suspend, Target::Server(which)) => server(fleet, which).suspend().await?,
        (Kind::Cut, Target::Link(replicas, dependency)) => {
            set_links(fleet, replicas, dependency, Condition::Cut)?;
        }
        (Kind::Stall, Target::Link(replicas, dependency)) => {
            set_links(fleet, replicas, dependency, Condition::Stalled)?;
        }
        (Kind::Delay, Target::Link(replicas, dependency)) => {
            set_links(fleet, replicas, dependency, Condition::Delayed(DELAY))?;
        }
        (_, Target::Stripe) => disturb_stripe(fleet, fault.kind)?,
        (Kind::Redeliver, _) => {
            let published = redeliver::every_event(&fleet.nats_url()).await?;
            effect.remark = Some(format!("{published} events"));
        }
        (Kind::RollingRestart, _) => effect.unruly = roll(fleet).await?,
        (Kind::BrokerData | Kind::RedisData, Target::Server(which)) => {
            server(fleet, which).lose_data().await?;
        }
        _ => bail!("{fault} is not a valid combination"),
    }
    Ok(effect)
}

/// Heals the fault, also if it was not injected. Returns the processes that did not start in order.
pub(super) async fn heal(fleet: &Fleet, fault: Fault) -> Result<Vec<String>> {
    match (fault.kind, fault.target) {
        (Kind::Kill, Target::Replicas(replicas)) => {
            return revive(&processes(fleet, replicas)).await;
        }
        (Kind::KillNats | Kind::KillRedis | Kind::KillMongo, Target::Server(which)) => {
            server(fleet, which).restart().await?;
        }
        (Kind::Suspend, Target::Replicas(replicas)) => {
            let processes = processes(fleet, replicas);
            join_all(processes.iter().map(|process| process.resume())).await;
        }
        (Kind::Suspend, Target::Server(which)) => server(fleet, which).resume().await?,
        (_, Target::Link(replicas, dependency)) => {
            set_links(fleet, replicas, dependency, Condition::Open)?;
        }
        (_, Target::Stripe) => fleet.stripe().clear_faults(),
        _ => {}
    }
    Ok(Vec::new())
}

fn processes(fleet: &Fleet, replicas: Replicas) -> Vec<&Service> {
    let mut processes = fleet.service(replicas.service);
    processes.retain(|process| replicas.one.is_none_or(|one| one == process.replica()));
    processes
}

fn server(fleet: &Fleet, which: Server) -> &servers::Server {
    match which {
        Server::Mongo => fleet.servers().mongo(),
        Server::Nats => fleet.servers().nats(),
        Server::Redis => fleet.servers().redis(),
    }
}

/// Starts the processes that do not run, and waits until all are ready. Those that end unexpectedly meanwhile are
/// restarted, as in a cluster; returns their obituaries.
async fn revive(processes: &[&Service]) -> Result<Vec<String>> {
    let revived = try_join_all(processes.iter().map(|process| revive_one(process))).await?;
    Ok(revived.into_iter().flatten().collect())
}

async fn revive_one(process: &Service) -> Result<Vec<String>> {
    let mut obituaries = Vec::new();
    for _ in 0..STARTS {
        obituaries.extend(process.unexpected_exit());
        if !process.is_running() {
            process.start().await?;
        }
        if process.wait_ready().await.is_ok() {
            return Ok(obituaries);
        }
    }
    bail!("{process} is not ready after {STARTS} starts")
}

fn set_links(
    fleet: &Fleet,
    replicas: Replicas,
    dependency: Dependency,
    condition: Condition,
) -> Result<()> {
    for process in processes(fleet, replicas) {
        let link: Option<&Proxy> = process.link(dependency);
        let link = link.with_context(|| format!("{process} has no link to {dependency}"))?;
        link.set(condition);
    }
    Ok(())
}

fn disturb_stripe(fleet: &Fleet, kind: Kind) -> Result<()> {
    let stripe = fleet.stripe();
    match kind {
        Kind::StripeSlow => {
            for milliseconds in SLOW_STRIPE.into_iter().cycle().take(MANY as usize) {
                stripe.inject(StripeFault::once(FaultKind::Slow { milliseconds }));
            }
        }
        Kind::StripeError => {
            let faults = [FaultKind::Error, FaultKind::ErrorAfter];
            for fault in faults.into_iter().cycle().take(MANY as usize) {
                stripe.inject(StripeFault::once(fault));
            }
        }
        Kind::StripeLost => stripe.inject(StripeFault::once(FaultKind::LostAnswer).times(MANY)),
        Kind::Webhooks => {
            let late = FaultKind::WebhookDelay {
                milliseconds: LATE_WEBHOOK,
            };
            let faults = [FaultKind::WebhookReorder, FaultKind::WebhookDuplicate, late];
            for fault in faults.into_iter().cycle().take(MANY as usize) {
                stripe.inject(StripeFault::once(fault));
            }
        }
        _ => bail!("{kind} is not a fault of Stripe"),
    }
    Ok(())
}

/// Restarts the replicas of each service one after the other, all services at once, as a cluster does. Returns the
/// processes that did not stop or start in order.
async fn roll(fleet: &Fleet) -> Result<Vec<String>> {
    let rolled = SERVICES.map(|service| roll_one(fleet.service(service)));
    let unruly = try_join_all(rolled).await?;
    Ok(unruly.into_iter().flatten().collect())
}

async fn roll_one(replicas: Vec<&Service>) -> Result<Vec<String>> {
    let mut unruly = Vec::new();
    for replica in replicas {
        let stopped = replica.stop().await;
        unruly.extend(stopped.err().map(|error| format!("{error:#}")));
        unruly.extend(revive_one(replica).await?);
    }
    Ok(unruly)
}
