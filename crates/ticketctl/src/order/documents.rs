//! What each service has of an order now.

use std::collections::BTreeSet;

use anyhow::Context;
use audit::access::within_timeout;
use audit::documents::{Order, OrderReplica, OutboxEntry, Payment, Reservation, Ticket, timestamp};
use bson::doc;
use bson::oid::ObjectId;
use common::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::timeline::{Moment, Timeline};
use crate::connections::{Connections, Store};
use crate::failure::Failure;

/// What a service has of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ShownDocument {
    pub(super) service: &'static str,
    pub(super) document: &'static str,
    pub(super) id: String,
    pub(super) state: String,
}

/// All that is kept of an order.
#[derive(Debug, Default)]
pub(super) struct Documents {
    order: Option<Order>,
    held: Option<Ticket>,
    ticket_replica: Option<Ticket>,
    reservation: Option<Reservation>,
    replica: Option<OrderReplica>,
    payment: Option<Payment>,
    /// When its job is due.
    job: Option<Timestamp>,
    unknown: Vec<String>,
}

impl Documents {
    pub(super) async fn read(connections: &Connections, order: ObjectId) -> Result<Self, Failure> {
        let mut read = Self::default();
        let found = one(connections, Store::Orders, "orders", order).await;
        read.order = read.note(found)?.flatten();
        let found = one(connections, Store::Payments, "payments", order).await;
        read.payment = read.note(found)?.flatten();
        let found = one(connections, Store::Payments, "orders", order).await;
        read.replica = read.note(found)?.flatten();
        if let Some(ticket) = read.ticket() {
            let found = one(connections, Store::Tickets, "tickets", ticket).await;
            read.held = read.note(found)?.flatten();
            let found = one(connections, Store::Orders, "tickets", ticket).await;
            read.ticket_replica = read.note(found)?.flatten();
            let found = one(connections, Store::Orders, "reservations", ticket).await;
            read.reservation = read.note(found)?.flatten();
        }
        let job = job(connections, order).await;
        read.job = read.note(job)?.flatten();
        Ok(read)
    }

    /// What has no address is unknown; what does not answer is a failure.
    fn note<T>(&mut self, found: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Usage(words)) => {
                if !self.unknown.contains(&words) {
                    self.unknown.push(words);
                }
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The ticket that was ordered, if the order is there.
    pub(super) fn ticket(&self) -> Option<ObjectId> {
        self.order.as_ref().map(|order| order.ticket.id)
    }

    /// What was not looked at.
    pub(super) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// What is known of times: of the payment, of what waits to be published, and of what is to come.
    pub(super) fn tell(&self, timeline: &mut Timeline) {
        if let Some(payment) = &self.payment {
            let at = Timestamp::from_milliseconds(payment.id.timestamp().timestamp_millis());
            let details = format!("payment {}", payment.id);
            timeline
                .add(Moment::new(at, "payments", "payment begun", details).known_to_the_second());
            waiting(timeline, "payments", &payment.outbox);
        }
        if let Some(order) = &self.order {
            waiting(timeline, "orders", &order.outbox);
            if order.status.is_active() {
                let at = timestamp(order.expires_at);
                timeline.add(Moment::new(at, "orders", "to be paid until", ""));
            }
        }
        if let Some(ticket) = &self.held {
            waiting(timeline, "tickets", &ticket.outbox);
        }
        if let Some(due) = self.job {
            let active = self
                .order
                .as_ref()
                .is_some_and(|order| order.status.is_active());
            let details = if active {
                "waits in Redis"
            } else {
                "waits in Redis, and will change nothing"
            };
            timeline.add(Moment::new(due, "expiration", "job due", details));
        }
    }

    /// What each service has of it.
    pub(super) fn shown(&self) -> Vec<ShownDocument> {
        let order = self.order.as_ref();
        let payment = self.payment.as_ref();
        let reason = |order: &Order| {
            let reason = order.reason.as_deref();
            reason.map_or_else(String::new, |reason| format!(", by reason: {reason}"))
        };
        let found = [
            order.map(|it| shown("orders", "order", it.id, &format!("{it}{}", reason(it)))),
            self.reservation.as_ref().map(|it| {
                let words = if it.order_id == it.ticket_id {
                    "withdrawn, so that nobody can order it".to_owned()
                } else {
                    format!("held for order {}", it.order_id)
                };
                shown("orders", "reservation", it.ticket_id, &words)
            }),
            self.ticket_replica
                .as_ref()
                .map(|it| shown("orders", "replica of ticket", it.id, it)),
            self.held
                .as_ref()
                .map(|it| shown("tickets", "ticket", it.id, it)),
            self.replica
                .as_ref()
                .map(|it| shown("payments", "replica of order", it.id, it)),
            payment.map(|it| {
                let attempts = it.attempts.iter();
                let attempts: Vec<_> = attempts
                    .map(|attempt| format!("{} {}", attempt.number, attempt.outcome))
                    .collect();
                let words = format!("{it}: {}", attempts.join(", "));
                shown("payments", "payment", it.id, &words)
            }),
        ];
        found.into_iter().flatten().collect()
    }
}

fn shown(
    service: &'static str,
    document: &'static str,
    id: ObjectId,
    state: &dyn ToString,
) -> ShownDocument {
    ShownDocument {
        service,
        document,
        id: id.to_hex(),
        state: state.to_string(),
    }
}

fn waiting(timeline: &mut Timeline, service: &str, outbox: &[OutboxEntry]) {
    let mut seen = BTreeSet::new();
    for entry in outbox.iter().filter(|entry| seen.insert(&entry.id)) {
        let what = format!("{} waits", entry.subject);
        let details = "in the outbox, to be published";
        timeline.add(Moment::new(timestamp(entry.time), service, what, details));
    }
}

async fn one<D>(
    connections: &Connections,
    store: Store,
    collection: &str,
    id: ObjectId,
) -> Result<Option<D>, Failure>
where
    D: DeserializeOwned + Send + Sync + Unpin,
{
    let database = connections.database(store).await?;
    let documents = database.collection::<D>(collection);
    let found = documents.find_one(doc! { "_id": id });
    let found = within_timeout(collection, async { found.await }).await;
    Ok(found.with_context(|| connections.database_away(store))?)
}

/// When the order's job is due, if it has one.
async fn job(connections: &Connections, order: ObjectId) -> Result<Option<Timestamp>, Failure> {
    let (queue, mut connection) = connections.redis().await?;
    let due: Option<i64> = redis::cmd("ZSCORE")
        .arg(queue.key("deadlines"))
        .arg(order.to_hex())
        .query_async(&mut connection)
        .await
        .context("the queue's deadlines in Redis")?;
    Ok(due.map(Timestamp::from_milliseconds))
}
