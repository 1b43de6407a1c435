//! How long an event takes: from the moment at which a client is told that something was done to the moment at which the
//! last consumer has applied it, seen in the consumers' own databases.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bson::oid::ObjectId;
use bson::{Document, doc};
use hdrhistogram::Histogram;
use hyper::{Method, StatusCode};
use mongodb::Collection;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::compare::SLICES;
use crate::baseline;
use crate::lab::{Lab, Shopper};
use crate::load::Connection;
use crate::report::{Figure, Outcome};
use crate::seed;
use crate::step::{histogram, microseconds};
use crate::work::{order_of, request};

/// How many things are done a second, one after the other.
const RATE: f64 = 20.0;

/// How long an event may take at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at a consumer's database.
const LOOK: Duration = Duration::from_micros(300);

#[derive(Deserialize)]
struct Made {
    id: String,
}

pub(super) async fn run(lab: &Lab) -> Result<Outcome> {
    let tickets = watch(lab, ticket_replicated(lab)).await?;
    let orders = watch(lab, order_everywhere(lab)).await?;
    let mut bare = None;
    for _ in 0..SLICES {
        let slice = baseline::publishing(lab, 1, lab.settings.time / SLICES);
        super::compare::collect(&mut bare, slice.await?);
    }
    let bare = bare.context("there is at least one slice")?.times;
    let figures = [
        ("ticket:created, in orders", &tickets),
        (
            "order:created, in tickets, payments and back in orders",
            &orders,
        ),
        (
            "bare publish, acknowledged (the least there could be)",
            &bare,
        ),
    ];
    let figures = figures.into_iter().flat_map(|(what, times)| {
        [("p50", 0.5), ("p99", 0.99)].map(|(name, quantile)| {
            let time = Duration::from_micros(times.value_at_quantile(quantile));
            Figure::seconds("event-lag", format!("{what}: {name}"), time)
        })
    });
    Ok(Outcome::of_figures(figures))
}

/// Where it is looked for, and what.
type Sighting = (Collection<Document>, Document);

/// Something that is done, and the places where it must be seen.
struct Deed {
    service: &'static str,
    path: &'static str,
    bodies: Mutex<Vec<String>>,
    sightings: Box<dyn Fn(ObjectId) -> Vec<Sighting> + Send + Sync>,
    tickets_needed: bool,
}

fn ticket_replicated(lab: &Lab) -> Deed {
    let replicas = lab.collection("orders", "tickets");
    Deed {
        service: "tickets",
        path: "/api/tickets",
        bodies: Mutex::default(),
        sightings: Box::new(move |id| vec![(replicas.clone(), doc! { "_id": id })]),
        tickets_needed: false,
    }
}

/// The ticket is held, payments have the order, and the order knows that the ticket is held.
fn order_everywhere(lab: &Lab) -> Deed {
    let payable = lab.collection("payments", "orders");
    let orders = lab.collection("orders", "orders");
    Deed {
        service: "orders",
        path: "/api/orders",
        bodies: Mutex::default(),
        sightings: Box::new(move |id| {
            vec![
                (payable.clone(), doc! { "_id": id }),
                (
                    orders.clone(),
                    doc! { "_id": id, "status": "awaiting:payment" },
                ),
            ]
        }),
        tickets_needed: true,
    }
}

async fn watch(lab: &Lab, deed: Deed) -> Result<Histogram<u64>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let count = (lab.settings.time.as_secs_f64() * RATE) as usize;
    *deed.bodies.lock().await = if deed.tickets_needed {
        let tickets = seed::tickets(lab, count, ObjectId::new()).await?;
        tickets.into_iter().map(order_of).collect()
    } else {
        vec![r#"{"title":"Front row, on the left","price":19.99}"#.to_owned(); count]
    };
    let (deed, shopper) = (Arc::new(deed), lab.shopper());
    let address = lab.address(deed.service);
    let mut ticks = interval(Duration::from_secs_f64(1.0 / RATE));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watching = JoinSet::new();
    for _ in 0..count {
        ticks.tick().await;
        watching.spawn(see(address, shopper.clone(), Arc::clone(&deed)));
    }
    let mut times = histogram();
    while let Some(seen) = watching.join_next().await {
        times.saturating_record(microseconds(seen??));
    }
    Ok(times)
}

/// How long it takes until the deed is seen everywhere.
async fn see(to: std::net::SocketAddr, shopper: Shopper, deed: Arc<Deed>) -> Result<Duration> {
    let body = deed.bodies.lock().await.pop();
    let asked = request(Method::POST, to, deed.path, Some(&shopper.cookie), body);
    let answer = Connection::to(to).exchange(asked).await?;
    let done = Instant::now();
    let status = answer.status();
    ensure!(status == StatusCode::CREATED, "told {status}");
    let made: Made = serde_json::from_slice(answer.body())?;
    for (collection, sought) in (deed.sightings)(made.id.parse()?) {
        while collection.find_one(sought.clone()).await?.is_none() {
            ensure!(done.elapsed() < PATIENCE, "not seen within {PATIENCE:?}");
            sleep(LOOK).await;
        }
    }
    Ok(done.elapsed())
}
