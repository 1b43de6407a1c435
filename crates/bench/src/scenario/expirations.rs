//! 20,000 orders that expire within twenty seconds: how fast their expirations are enqueued, and how late each event
//! is.
//!
//! The orders are written into the databases and their events into the stream, in the form of the orders service.
//! Lateness is measured when the event arrives.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bson::DateTime;
use bson::oid::ObjectId;
use common::events::{ExpirationState, OrderState};
use common::{Event, Id, OrderStatus, Price, Subject, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use hdrhistogram::Histogram;
use mongo::from_date_time;
use tokio::time::{sleep, timeout};

use crate::lab::Lab;
use crate::report::{Figure, Outcome};
use crate::seed::{self, Seeded};
use crate::step::histogram;

const ORDERS: usize = 20_000;

/// The time until the first order expires, in which the orders are written and enqueued.
const LEAD: Duration = Duration::from_secs(45);

/// The time between two expirations.
const BETWEEN: Duration = Duration::from_millis(1);

/// Limit for the last event, after the last order has expired.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The number of concurrent publications.
const CONCURRENCY: usize = 64;

/// The queue group of the expiration service.
const GROUP: &str = "expiration-service";

const POLL_INTERVAL: Duration = Duration::from_millis(10);

pub(super) async fn run(lab: &Lab) -> Result<Outcome> {
    let first = Timestamp::from_milliseconds(DateTime::now().timestamp_millis()).plus(LEAD);
    let seeded: Vec<_> = (0..ORDERS)
        .map(|number| order(first, u32::try_from(number).expect("20,000")))
        .collect();
    seed::running(lab, &seeded).await?;
    let client = lab.broker.client();
    let mut events = client
        .subscribe(Subject::ExpirationComplete.as_str().to_owned())
        .await?;
    client.flush().await?;
    let enqueued = enqueue(lab, &seeded).await?;
    let due: HashMap<_, _> = seeded
        .iter()
        .map(|one| (one.order, one.expires_at))
        .collect();
    let lateness = timeout(LEAD + TIMEOUT, lateness(&mut events, due));
    let lateness = lateness.await??;
    lab.settle().await?;
    let milliseconds = |quantile| Duration::from_millis(lateness.value_at_quantile(quantile));
    #[expect(clippy::cast_precision_loss, reason = "20,000")]
    let rate = ORDERS as f64 / enqueued.as_secs_f64();
    let named = |what: &str| format!("{ORDERS} orders, 1,000 per second: {what}");
    Ok(Outcome::of_figures([
        Figure::new("expirations", named("enqueued"), rate, "per second"),
        Figure::seconds("expirations", named("lateness p50"), milliseconds(0.5)),
        Figure::seconds("expirations", named("lateness p99"), milliseconds(0.99)),
        Figure::seconds("expirations", named("maximum lateness"), milliseconds(1.0)),
    ]))
}

fn order(first: Timestamp, number: u32) -> Seeded {
    let expires_at = first.plus(BETWEEN * number);
    Seeded {
        order: ObjectId::new(),
        ticket: ObjectId::new(),
        buyer: ObjectId::new(),
        expires_at: DateTime::from_millis(expires_at.milliseconds()),
    }
}

/// Publishes the orders' events. Returns the time until all orders have a job.
async fn enqueue(lab: &Lab, seeded: &[Seeded]) -> Result<Duration> {
    let started = Instant::now();
    stream::iter(seeded.iter().map(anyhow::Ok))
        .try_for_each_concurrent(CONCURRENCY, async |order| {
            let event = event(order);
            let subject = event.subject().as_str().to_owned();
            let published = lab.broker.publish(subject, event.to_json().into());
            published.await?.await?;
            anyhow::Ok(())
        })
        .await?;
    while lab.left_for(GROUP).await? > 0 {
        ensure!(started.elapsed() < TIMEOUT, "not enqueued in time");
        sleep(POLL_INTERVAL).await;
    }
    Ok(started.elapsed())
}

fn event(order: &Seeded) -> Event {
    Event::OrderCreated(OrderState {
        id: Id::from_bytes(order.order.bytes()),
        version: 0,
        status: OrderStatus::Created,
        user_id: Id::from_bytes(order.buyer.bytes()),
        ticket_id: Id::from_bytes(order.ticket.bytes()),
        price: Price::from_cents(1_999).expect("a valid price"),
        expires_at: from_date_time(order.expires_at),
        reason: None,
    })
}

/// The lateness of each event in milliseconds.
async fn lateness(
    events: &mut async_nats::Subscriber,
    mut due: HashMap<ObjectId, DateTime>,
) -> Result<Histogram<u64>> {
    let mut all = histogram();
    while !due.is_empty() {
        let Some(message) = events.next().await else {
            anyhow::bail!("the broker closed the connection")
        };
        let now = DateTime::now();
        let event: ExpirationState = serde_json::from_slice(&message.payload)?;
        let order = ObjectId::from_bytes(event.order_id.bytes());
        // Orders of other scenarios may expire too, and an event may be delivered twice.
        if let Some(due) = due.remove(&order) {
            let late = now.timestamp_millis() - due.timestamp_millis();
            ensure!(late >= 0, "an event came {} ms early", -late);
            all.saturating_record(late.unsigned_abs());
        }
    }
    Ok(all)
}
