//! A run from beginning to end: fleet, warm-up, load and faults, calm, check, report.

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

/// How long an order lives unpaid: some expire in each phase of a run.
const EXPIRATION: Duration = Duration::from_secs(5);

/// How long the load goes on when everything is healed: orders that begin then expire in calm, too.
const CALM: Duration = Duration::from_secs(8);

/// How often progress is shown.
const SHOWN: Duration = Duration::from_millis(500);

/// Starts a fleet, holds load and injects faults, heals, checks, and ends everything.
///
/// An error says that the run could not be made; what the fleet did wrong is in the report.
pub async fn run(settings: ChaosSettings) -> Result<Report> {
    let schedule = Schedule::draw(settings.seed, settings.length, &settings.kinds);
    let fleet = tokio::select! {
        started = Fleet::start(fleet_settings(&settings)) => Arc::new(started?),
        () = settings.stop.cancelled() => bail!("told to stop before the fleet had started"),
    };
    // Boxed: it holds all that happens.
    let ended = Box::pin(in_fleet(&fleet, &schedule, &settings)).await;
    let clean = ended.as_ref().is_ok_and(Report::is_clean);
    let kept = if clean || settings.stop.is_cancelled() {
        None
    } else {
        Some(evidence::folder(settings.seed)?)
    };
    if let Some(folder) = &kept {
        evidence::keep_logs(&fleet, folder)?;
    }
    settings.progress.step("stopping the fleet");
    let fleet = Arc::try_unwrap(fleet).map_err(|_| anyhow!("somebody still uses the fleet"))?;
    let stopped = fleet.stop().await;
    let mut report = match (ended, &kept) {
        (Err(error), Some(folder)) => {
            return Err(error.context(format!("the logs are in {}", folder.display())));
        }
        (ended, _) => ended?,
    };
    if settings.stop.is_cancelled() {
        bail!("told to stop before the end");
    }
    if let Err(error) = stopped {
        report.faulty_ends.push(format!("{error:#}"));
    }
    report.evidence.clone_from(&kept);
    if let Some(folder) = kept {
        keep_findings(&report, &folder)?;
    }
    Ok(report)
}

fn keep_findings(report: &Report, folder: &Path) -> Result<()> {
    evidence::keep_history(&report.history, folder)?;
    std::fs::write(folder.join("report.txt"), report.to_string()).context("cannot keep the report")
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

/// All that happens while the fleet runs. What it started has ended when it returns, whatever it returns.
async fn in_fleet(
    fleet: &Arc<Fleet>,
    schedule: &Schedule,
    settings: &ChaosSettings,
) -> Result<Report> {
    let shop = Arc::new(Shop::open(fleet.clone()));
    settings.progress.step("warming up: one of everything");
    let warm = warm_up(&shop, settings.seed);
    let warm = settings.stop.run_until_cancelled(warm).await;
    warm.unwrap_or_else(|| bail!("told to stop before the load began"))?;
    let checker = Checker::connect(fleet).await.context("the checker")?;
    let (watch, readiness) = (checker.watch(), Readiness::start(fleet.clone()));
    let Stormed { injections, times } = storm(fleet, schedule, &shop, settings).await;
    let verdict = async {
        let (healed_at, load_ended_at) = times?;
        settings.progress.step("the load has ended, checking");
        let check = checker.check(&shop.history, healed_at, load_ended_at);
        let verdict = settings.stop.run_until_cancelled(Box::pin(check)).await;
        verdict.unwrap_or_else(|| bail!("told to stop before the check was done"))
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
        held: shop.tally.held(),
        history: shop.history.clone(),
        injections,
        verdict: verdict?,
        seen,
        faulty_ends,
        evidence: None,
    })
}

/// What is known after load and faults.
struct Stormed {
    injections: Vec<Injection>,
    /// When all was healed, and when the load ended; an error if it did not come to that.
    times: Result<(Timestamp, Timestamp)>,
}

/// Load, faults, healing, and some load in calm. Nobody waits for an answer any more when it returns.
async fn storm(
    fleet: &Arc<Fleet>,
    schedule: &Schedule,
    shop: &Arc<Shop>,
    settings: &ChaosSettings,
) -> Stormed {
    let clock = Clock::system();
    let load = Load::start(shop.clone(), settings.seed, settings.shoppers);
    let (seconds, seed) = (settings.length.as_secs(), settings.seed);
    let step = |text: &str| settings.progress.step(text);
    step(&format!("{seconds} s of faults, seed {seed}"));
    let injections = inject(fleet, schedule, shop, settings).await;
    let healed = heal(fleet).await.map(|()| clock.now());
    if healed.is_ok() && !settings.stop.is_cancelled() {
        step("all is healed, the load goes on in calm");
        let calm = tokio::time::sleep(CALM);
        settings.stop.run_until_cancelled(calm).await;
    }
    load.finish().await;
    let times = healed.and_then(|healed_at| {
        ensure!(
            !settings.stop.is_cancelled(),
            "told to stop before the check"
        );
        Ok((healed_at, clock.now()))
    });
    Stormed { injections, times }
}

/// Carries the schedule out while the load is held, and shows how it goes.
async fn inject(
    fleet: &Arc<Fleet>,
    schedule: &Schedule,
    shop: &Shop,
    settings: &ChaosSettings,
) -> Vec<Injection> {
    let injector = Injector::start(fleet.clone(), schedule, settings.stop.clone());
    let (begun, mut ticks) = (Instant::now(), interval(SHOWN));
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
            .held()
            .requests
            .values()
            .map(crate::load::Requests::all)
            .sum();
        let rate = (requests - before) * 2;
        before = requests;
        let at_work: Vec<_> = injector.at_work().iter().map(ToString::to_string).collect();
        settings.progress.detail(&format!(
            "{} s, {requests} requests, {rate}/s · {}",
            begun.elapsed().as_secs(),
            if at_work.is_empty() {
                "nothing is wrong".to_owned()
            } else {
                at_work.join(", ")
            }
        ));
    }
    injector.finish().await
}

/// Makes sure that all is as it should be, whatever an injection left behind.
async fn heal(fleet: &Fleet) -> Result<()> {
    fleet.stripe().clear_faults();
    for process in fleet.services() {
        for (_, link) in process.links() {
            link.set(testkit::proxy::Condition::Open);
        }
        process.resume().await;
        if !process.is_running() {
            // An error means that the controller was faster.
            let _ = process.start().await;
        }
    }
    fleet
        .wait_ready()
        .await
        .context("the fleet does not come back")
}
