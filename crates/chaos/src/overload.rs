//! Overload: how the fleet performs beyond its capacity.
//!
//! A run starts its own fleet and finds its capacity with a closed loop: a number of shoppers, each of whom waits for a
//! response before the next request. Then it sends one, two and five times as many requests with an open loop, which
//! does not wait, as at the opening of a sale. What counts is goodput: valid responses within a time limit. Results are
//! compared within one run on one machine only.
//!
//! The load goes directly to the services, because the development gateway is not deployed.

mod drive;
mod memory;
mod report;
mod sale;
mod tally;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::progress::Progress;
use testkit::{Api, Fleet, FleetSettings, Processors};
use tokio::time::{sleep, timeout};

use memory::Memory;
pub use report::{Phase, Report};
use sale::Sale;

/// The numbers of concurrent shoppers among which capacity is found.
const SHOPPERS: [usize; 7] = [4, 8, 16, 32, 64, 128, 256];

/// The rates of the open loop as multiples of the capacity.
const MULTIPLES: [u32; 3] = [1, 2, 5];

/// How long the fleet may take to sell a ticket after the overload.
const RECOVERY_LIMIT: Duration = Duration::from_secs(10);

/// The pause after the overload before the memory of processes is measured.
const CALM: Duration = Duration::from_secs(5);

/// The settings of a run.
#[derive(Clone)]
pub struct OverloadSettings {
    /// Whether to run the binaries of a release build.
    pub release: bool,
    /// How long each step of the load lasts.
    pub phase: Duration,
    /// Receives the progress.
    pub progress: Arc<dyn Progress>,
}

/// Starts a fleet, overloads it, stops it, and reports the results.
pub async fn run(settings: OverloadSettings) -> Result<Report> {
    let processors = Processors::divide().await;
    let processors = processors.context("dividing the processors")?;
    let fleet = Fleet::start(FleetSettings {
        release: settings.release,
        progress: settings.progress.clone(),
        ..FleetSettings::default()
    })
    .await?;
    let measured = measure(&fleet, &settings, &processors).await;
    let mut faults = fleet.unexpected_exits();
    faults.extend(fleet.stop().await.err().map(|error| format!("{error:#}")));
    Ok(Report {
        faults,
        ..measured?
    })
}

async fn measure(
    fleet: &Fleet,
    settings: &OverloadSettings,
    processors: &Processors,
) -> Result<Report> {
    let step = |text: String| settings.progress.step(&text);
    let sale = Arc::new(Sale::open(fleet).await?);
    step("warming up".to_owned());
    drive::closed_loop(&sale, SHOPPERS[0], settings.phase).await;
    let before = Memory::of(fleet);
    let mut phases = Vec::new();
    for shoppers in SHOPPERS {
        step(format!("capacity: {shoppers} shoppers"));
        let counted = drive::closed_loop(&sale, shoppers, settings.phase).await;
        phases.push(Phase::closed(shoppers, counted));
    }
    let capacity = phases.iter().map(Phase::goodput).fold(0.0, f64::max);
    ensure!(capacity > 0.0, "the fleet gives no valid response");
    for multiple in MULTIPLES {
        let rate = capacity * f64::from(multiple);
        step(format!("{multiple}x: {rate:.0} requests a second"));
        let counted = drive::open_loop(&sale, rate, settings.phase).await;
        phases.push(Phase::open(multiple, counted));
    }
    step("after the overload".to_owned());
    let recovery = purchase_within_limit(fleet).await;
    sleep(CALM).await;
    let after = Memory::of(fleet);
    Ok(Report {
        processors: processors.to_string(),
        phases,
        memory: before.compared_to(&after),
        recovery,
        faults: Vec::new(),
    })
}

/// How long a purchase takes, to the last step, or why it fails.
async fn purchase_within_limit(fleet: &Fleet) -> Result<Duration, String> {
    let begun = Instant::now();
    match timeout(RECOVERY_LIMIT, purchase(fleet)).await {
        Ok(Ok(())) => Ok(begun.elapsed()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("not within {RECOVERY_LIMIT:?}")),
    }
}

async fn purchase(fleet: &Fleet) -> Result<()> {
    let shopper = Api::signed_in(&fleet.origin(), fleet.jwt_key(), mongo::new_id());
    let ticket = json!({ "title": "After the overload", "price": 19.99 });
    let ticket = shopper.post("/api/tickets", ticket).await;
    ensure!(ticket.status == 201, "no ticket: {ticket:?}");
    let order = shopper
        .post("/api/orders", json!({ "ticketId": ticket.id() }))
        .await;
    ensure!(order.status == 201, "no order: {order:?}");
    let payment = json!({ "token": "tok_visa", "orderId": order.id() });
    let payment = shopper.post("/api/payments", payment).await;
    ensure!(payment.status == 201, "no payment: {payment:?}");
    let path = format!("/api/orders/{}", order.id());
    while shopper.get(&path).await.json["status"] != "complete" {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
