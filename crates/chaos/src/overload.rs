//! Overload: what the fleet does when more is asked of it than it can do.
//!
//! A run starts a fleet of its own, finds its capacity with a closed loop (so many shoppers, each of whom waits for an
//! answer before asking again), and then asks once, twice and five times as much with an open loop, which does not wait:
//! that is what a sale's opening is like. What counts is goodput, the answers that come while somebody still waits for
//! them. All is compared within one run on one machine; the figures of two machines say nothing about each other.
//!
//! The load goes to the services themselves: the development gateway is not part of what is deployed.

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

/// How many shoppers ask at once while capacity is looked for.
const SHOPPERS: [usize; 7] = [4, 8, 16, 32, 64, 128, 256];

/// How much more than its capacity is asked of the fleet.
const MULTIPLES: [u32; 3] = [1, 2, 5];

/// How long the fleet may take to sell a ticket after the storm.
const RECOVERY_LIMIT: Duration = Duration::from_secs(10);

/// How long a storm's last answers and events may take to pass before the processes' memory is looked at.
const CALM: Duration = Duration::from_secs(5);

/// How a run is to be.
#[derive(Clone)]
pub struct OverloadSettings {
    /// Whether to run the binaries of a release build.
    pub release: bool,
    /// How long each step of the load lasts.
    pub phase: Duration,
    /// Who is told of each step.
    pub progress: Arc<dyn Progress>,
}

/// Starts a fleet, overloads it, and tells how it did; the fleet is gone then.
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
    ensure!(capacity > 0.0, "the fleet gives no good answer at all");
    for multiple in MULTIPLES {
        let rate = capacity * f64::from(multiple);
        step(format!("{multiple}x: {rate:.0} requests a second"));
        let counted = drive::open_loop(&sale, rate, settings.phase).await;
        phases.push(Phase::open(multiple, counted));
    }
    step("after the storm".to_owned());
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

/// How long the fleet takes to sell a ticket, to the last step, or why it does not.
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
    let ticket = json!({ "title": "After the storm", "price": 19.99 });
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
