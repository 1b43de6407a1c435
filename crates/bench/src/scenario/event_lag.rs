//! Event lag: the time from the response to a client until the last consumer has applied the event, observed in the
//! consumers' databases.

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

/// Requests per second.
const RATE: f64 = 20.0;

/// Limit for an event.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How often to query a consumer's database.
const POLL_INTERVAL: Duration = Duration::from_micros(300);

#[derive(Deserialize)]
struct Created {
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
            "bare publish until acknowledged (the least possible)",
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

/// A collection and the query that finds the effect of the event in it.
type Effect = (Collection<Document>, Document);

/// A request, and the effects of its events.
struct Action {
    service: &'static str,
    path: &'static str,
    bodies: Mutex<Vec<String>>,
    effects: Box<dyn Fn(ObjectId) -> Vec<Effect> + Send + Sync>,
    tickets_needed: bool,
}

fn ticket_replicated(lab: &Lab) -> Action {
    let replicas = lab.collection("orders", "tickets");
    Action {
        service: "tickets",
        path: "/api/tickets",
        bodies: Mutex::default(),
        effects: Box::new(move |id| vec![(replicas.clone(), doc! { "_id": id })]),
        tickets_needed: false,
    }
}

/// The ticket is reserved, payments has the order, and the order is awaiting payment.
fn order_everywhere(lab: &Lab) -> Action {
    let payable = lab.collection("payments", "orders");
    let orders = lab.collection("orders", "orders");
    Action {
        service: "orders",
        path: "/api/orders",
        bodies: Mutex::default(),
        effects: Box::new(move |id| {
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

async fn watch(lab: &Lab, action: Action) -> Result<Histogram<u64>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let count = (lab.settings.time.as_secs_f64() * RATE) as usize;
    *action.bodies.lock().await = if action.tickets_needed {
        let tickets = seed::tickets(lab, count, ObjectId::new()).await?;
        tickets.into_iter().map(order_of).collect()
    } else {
        vec![r#"{"title":"Front row, on the left","price":19.99}"#.to_owned(); count]
    };
    let (action, shopper) = (Arc::new(action), lab.shopper());
    let address = lab.address(action.service);
    let mut ticks = interval(Duration::from_secs_f64(1.0 / RATE));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watching = JoinSet::new();
    for _ in 0..count {
        ticks.tick().await;
        watching.spawn(measure(address, shopper.clone(), Arc::clone(&action)));
    }
    let mut times = histogram();
    while let Some(lag) = watching.join_next().await {
        times.saturating_record(microseconds(lag??));
    }
    Ok(times)
}

/// The time from the response until all effects are visible.
async fn measure(
    to: std::net::SocketAddr,
    shopper: Shopper,
    action: Arc<Action>,
) -> Result<Duration> {
    let body = action.bodies.lock().await.pop();
    let order = request(Method::POST, to, action.path, Some(&shopper.cookie), body);
    let answer = Connection::to(to).exchange(order).await?;
    let done = Instant::now();
    let status = answer.status();
    ensure!(status == StatusCode::CREATED, "unexpected status {status}");
    let created: Created = serde_json::from_slice(answer.body())?;
    for (collection, query) in (action.effects)(created.id.parse()?) {
        while collection.find_one(query.clone()).await?.is_none() {
            ensure!(done.elapsed() < TIMEOUT, "not handled within {TIMEOUT:?}");
            sleep(POLL_INTERVAL).await;
        }
    }
    Ok(done.elapsed())
}
