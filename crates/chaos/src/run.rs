//! A run from start to end: fleet, warm-up, load and faults, calm, check, report.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use base::Clock;
use common::Timestamp;
use testkit::fleet::{Fleet, FleetSettings, SERVICES};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::checker::Checker;
use crate::evidence;
use crate::fault::REPLICAS;
use crate::inject::{Injection, Injector};
use crate::load::{Load, Shop};
use crate::readiness::Readiness;
use crate::report::Report;
use crate::schedule::Schedule;
use crate::settings::ChaosSettings;
use crate::warm_up::warm_up;

/// How long an order can be paid. Some expire in each phase of a run.
const EXPIRATION: Duration = Duration::from_secs(5);

/// How long the load continues after everything is healed, so that orders also expire without faults.
const CALM: Duration = Duration::from_secs(8);

/// The pause between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(500);

/// Starts a fleet, drives load, injects and heals faults, checks, and stops everything.
///
/// An error means that the run failed; the fleet's faults are in the report.
pub async fn run(settings: ChaosSettings) -> Result<Report> {
    let schedule = Schedule::draw(settings.seed, settings.length, &settings.kinds);
    let fleet = tokio::select! {
        started = Fleet::start(fleet_settings(&settings)) => Arc::new(started?),
        () = settings.stop.cancelled() => bail!("stopped before the fleet had started"),
    };
    // Boxed: the future is large.
    let ended = Box::pin(in_fleet(&fleet, &schedule, &settings)).await;
    let clean = ended.as_ref().is_ok_and(Report::is_clean);
    let evidence = if clean || settings.stop.is_cancelled() {
        None
    } else {
        Some(evidence::folder(settings.seed)?)
    };
    if let Some(folder) = &evidence {
        evidence::save_logs(&fleet, folder)?;
    }
    settings.progress.step("stopping the fleet");
    let fleet = Arc::try_unwrap(fleet).map_err(|_| anyhow!("something still uses the fleet"))?;
    let stopped = fleet.stop().await;
    let mut report = match (ended, &evidence) {
        (Err(error), Some(folder)) => {
            return Err(error.context(format!("the logs are in {}", folder.display())));
        }
        (ended, _) => ended?,
    };
    if settings.stop.is_cancelled() {
        bail!("stopped before the end");
    }
    if let Err(error) = stopped {
        report.faulty_ends.push(format!("{error:#}"));
    }
    report.evidence.clone_from(&evidence);
    if let Some(folder) = evidence {
        save_findings(&report, &folder)?;
    }
    Ok(report)
}

fn save_findings(report: &Report, folder: &Path) -> Result<()> {
    evidence::save_history(&report.history, folder)?;
    std::fs::write(folder.join("report.txt"), report.to_string()).context("cannot save the report")
}

fn fleet_settings(settings: &ChaosSettings) -> FleetSettings {
    let replicas = SERVICES.map(|service| (service.to_owned(), REPLICAS));
    FleetSettings {
        expiration: EXPIRATION,
        replicas: BTreeMap::from(replicas),
        release: settings.release,
        proxied: true,
        progress: settings.progress.clone(),
        ..FleetSettings::default()
    }
}

/// Everything that happens while the fleet runs. All tasks have ended when it returns, also with an error.
async fn in_fleet(
    fleet: &Arc<Fleet>,
    schedule: &Schedule,
    settings: &ChaosSettings,
) -> Result<Report> {
    let shop = Arc::new(Shop::open(fleet.clone()));
    settings.progress.step("warming up: one of everything");
    let warm = warm_up(&shop, settings.seed);
    let warm = settings.stop.run_until_cancelled(warm).await;
    warm.unwrap_or_else(|| bail!("stopped before the load started"))?;
    let checker = Checker::connect(fleet).await.context("the checker")?;
    let (watch, readiness) = (checker.watch(), Readiness::start(fleet.clone()));
    let Driven { injections, times } = drive(fleet, schedule, &shop, settings).await;
    let verdict = async {
        let (healed_at, load_ended_at) = times?;
        settings.progress.step("the load has ended, checking");
        let check = checker.check(&shop.history, healed_at, load_ended_at);
        let verdict = settings.stop.run_until_cancelled(Box::pin(check)).await;
        verdict.unwrap_or_else(|| bail!("stopped before the check was done"))
    };
    let verdict = verdict.await;
    let (seen, mut faulty_ends) = (watch.finish().await, readiness.finish().await);
    let unruly = injections.iter().flat_map(|injection| &injection.unruly);
    faulty_ends.extend(unruly.cloned());
    faulty_ends.sort();
    faulty_ends.dedup();
    Ok(Report {
        seed: settings.seed,
        length: settings.length,
        shoppers: settings.shoppers,
        expiration: EXPIRATION,
        left_out: schedule.left_out.clone(),
        load: shop.tally.counts(),
        history: shop.history.clone(),
        injections,
        verdict: verdict?,
        seen,
        faulty_ends,
        evidence: None,
    })
}

/// The result of load and faults.
struct Driven {
    injections: Vec<Injection>,
    /// When everything was healed, and when the load ended.
    times: Result<(Timestamp, Timestamp)>,
}

/// Drives load, injects and heals faults, and drives some load in calm. No request is open when it returns.
async fn drive(
    fleet: &Arc<Fleet>,
    schedule: &Schedule,
    shop: &Arc<Shop>,
    settings: &ChaosSettings,
) -> Driven {
    let clock = Clock::system();
    let load = Load::start(shop.clone(), settings.seed, settings.shoppers);
    let (seconds, seed) = (settings.length.as_secs(), settings.seed);
    let step = |text: &str| settings.progress.step(text);
    step(&format!("{seconds} s of faults, seed {seed}"));
    let injections = inject(fleet, schedule, shop, settings).await;
    let healed = heal(fleet).await.map(|()| clock.now());
    if healed.is_ok() && !settings.stop.is_cancelled() {
        step("everything is healed, the load continues");
        let calm = tokio::time::sleep(CALM);
        settings.stop.run_until_cancelled(calm).await;
    }
    load.finish().await;
    let times = healed.and_then(|healed_at| {
        ensure!(!settings.stop.is_cancelled(), "stopped before the check");
        Ok((healed_at, clock.now()))
    });
    Driven { injections, times }
}

/// Carries out the schedule under load, and shows the progress.
async fn inject(
    fleet: &Arc<Fleet>,
    schedule: &Schedule,
    shop: &Shop,
    settings: &ChaosSettings,
) -> Vec<Injection> {
    let injector = Injector::start(fleet.clone(), schedule, settings.stop.clone());
    let (begun, mut ticks) = (Instant::now(), interval(PROGRESS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before = 0;
    while begun.elapsed() < settings.length
        && settings
            .stop
            .run_until_cancelled(ticks.tick())
            .await
            .is_some()
    {
        let requests = shop
            .tally
            .counts()
            .requests
            .values()
            .map(crate::load::Requests::all)
            .sum();
        let rate = (requests - before) * 2;
        before = requests;
        let active: Vec<_> = injector.active().iter().map(ToString::to_string).collect();
        settings.progress.detail(&format!(
            "{} s, {requests} requests, {rate}/s · {}",
            begun.elapsed().as_secs(),
            if active.is_empty() {
                "no faults".to_owned()
            } else {
                active.join(", ")
            }
        ));
    }
    injector.finish().await
}

/// Heals whatever an injection left behind.
async fn heal(fleet: &Fleet) -> Result<()> {
    fleet.stripe().clear_faults();
    for process in fleet.services() {
        for (_, link) in process.links() {
            link.set(testkit::proxy::Condition::Open);
        }
        process.resume().await;
        if !process.is_running() {
            // An error means that the controller started it.
            let _ = process.start().await;
        }
    }
    fleet
        .wait_ready()
        .await
        .context("the fleet does not recover")
}
