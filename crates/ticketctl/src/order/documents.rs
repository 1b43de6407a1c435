//! The present documents of an order in each service.

use std::collections::BTreeSet;

use anyhow::Context;
use audit::access::within_timeout;
use audit::documents::{Order, OrderReplica, OutboxEntry, Payment, Reservation, Ticket, timestamp};
use bson::doc;
use bson::oid::ObjectId;
use common::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::timeline::{Step, Timeline};
use crate::connections::{Connections, Store};
use crate::failure::Failure;

/// A document of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ShownDocument {
    pub(super) service: &'static str,
    pub(super) document: &'static str,
    pub(super) id: String,
    pub(super) state: String,
}

/// All documents of an order.
#[derive(Debug, Default)]
pub(super) struct Documents {
    order: Option<Order>,
    held: Option<Ticket>,
    ticket_replica: Option<Ticket>,
    reservation: Option<Reservation>,
    replica: Option<OrderReplica>,
    payment: Option<Payment>,
    /// When its expiration job is due.
    job: Option<Timestamp>,
    unknown: Vec<String>,
}

impl Documents {
    pub(super) async fn read(connections: &Connections, order: ObjectId) -> Result<Self, Failure> {
        let mut read = Self::default();
        let found = one(connections, Store::Orders, "orders", order).await;
        read.order = read.record(found)?.flatten();
        let found = one(connections, Store::Payments, "payments", order).await;
        read.payment = read.record(found)?.flatten();
        let found = one(connections, Store::Payments, "orders", order).await;
        read.replica = read.record(found)?.flatten();
        if let Some(ticket) = read.ticket() {
            let found = one(connections, Store::Tickets, "tickets", ticket).await;
            read.held = read.record(found)?.flatten();
            let found = one(connections, Store::Orders, "tickets", ticket).await;
            read.ticket_replica = read.record(found)?.flatten();
            let found = one(connections, Store::Orders, "reservations", ticket).await;
            read.reservation = read.record(found)?.flatten();
        }
        let job = job(connections, order).await;
        read.job = read.record(job)?.flatten();
        Ok(read)
    }

    /// A missing address is recorded as unknown; a server that does not answer is an error.
    fn record<T>(&mut self, found: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Usage(message)) => {
                if !self.unknown.contains(&message) {
                    self.unknown.push(message);
                }
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The ordered ticket, if the order exists.
    pub(super) fn ticket(&self) -> Option<ObjectId> {
        self.order.as_ref().map(|order| order.ticket.id)
    }

    /// What was not read, and why.
    pub(super) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Adds the start of the payment, unpublished events, and what is still to happen.
    pub(super) fn add_to(&self, timeline: &mut Timeline) {
        if let Some(payment) = &self.payment {
            let at = Timestamp::from_milliseconds(payment.id.timestamp().timestamp_millis());
            let details = format!("payment {}", payment.id);
            timeline.add(Step::new(at, "payments", "payment begun", details).known_to_the_second());
            add_outbox(timeline, "payments", &payment.outbox);
        }
        if let Some(order) = &self.order {
            add_outbox(timeline, "orders", &order.outbox);
            if order.status.is_active() {
                let at = timestamp(order.expires_at);
                timeline.add(Step::new(at, "orders", "expires unless paid", ""));
            }
        }
        if let Some(ticket) = &self.held {
            add_outbox(timeline, "tickets", &ticket.outbox);
        }
        if let Some(due) = self.job {
            let active = self
                .order
                .as_ref()
                .is_some_and(|order| order.status.is_active());
            let details = if active {
                "waits in Redis"
            } else {
                "waits in Redis, and will have no effect"
            };
            timeline.add(Step::new(due, "expiration", "job due", details));
        }
    }

    /// The documents of each service.
    pub(super) fn shown(&self) -> Vec<ShownDocument> {
        let order = self.order.as_ref();
        let payment = self.payment.as_ref();
        let reason = |order: &Order| {
            let reason = order.reason.as_deref();
            reason.map_or_else(String::new, |reason| format!(", reason: {reason}"))
        };
        let found = [
            order.map(|it| shown("orders", "order", it.id, &format!("{it}{}", reason(it)))),
            self.reservation.as_ref().map(|it| {
                let state = if it.order_id == it.ticket_id {
                    "withdrawn, so that nobody can order it".to_owned()
                } else {
                    format!("held for order {}", it.order_id)
                };
                shown("orders", "reservation", it.ticket_id, &state)
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
                let state = format!("{it}: {}", attempts.join(", "));
                shown("payments", "payment", it.id, &state)
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

fn add_outbox(timeline: &mut Timeline, service: &str, outbox: &[OutboxEntry]) {
    let mut seen = BTreeSet::new();
    for entry in outbox.iter().filter(|entry| seen.insert(&entry.id)) {
        let what = format!("{} waits", entry.subject);
        let details = "in the outbox, to be published";
        timeline.add(Step::new(timestamp(entry.time), service, what, details));
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
    Ok(found.with_context(|| connections.database_unreachable(store))?)
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
