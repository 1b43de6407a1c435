//! The documents in the databases, read independently of the services' own types: a service that maps a document
//! wrongly must not be able to hide that from the checker.

mod display;
mod states;

use bson::DateTime;
use bson::oid::ObjectId;
use common::Timestamp;
use serde::Deserialize;

pub use states::{OrderStatus, Outcome, PaymentStatus};

/// An account in `auth`.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// The account.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// Its email address.
    pub email: String,
}

/// A ticket in `tickets`, or its replica in `orders`, which has no `released` and no `outbox`.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    /// The ticket.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// What is for sale.
    pub title: String,
    /// US cents.
    pub price_cents: i64,
    /// The seller.
    pub user_id: ObjectId,
    /// The order that holds it, if any; its own id once it is withdrawn.
    pub order_id: Option<ObjectId>,
    /// The latest orders that were cancelled.
    #[serde(default)]
    pub released: Vec<ObjectId>,
    /// Increases by one with every change.
    pub version: i64,
    /// Its events that are still to be published.
    #[serde(default)]
    pub outbox: Vec<OutboxEntry>,
}

/// An event in the outbox of a document.
#[derive(Debug, Clone, Deserialize)]
pub struct OutboxEntry {
    /// The id of the message that it becomes.
    pub id: String,
    /// The event's subject.
    pub subject: String,
    /// When it was written.
    pub time: DateTime,
}

/// An order in `orders`.
#[derive(Debug, Clone, Deserialize)]
pub struct Order {
    /// The order.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// The buyer.
    pub user_id: ObjectId,
    /// Its status.
    pub status: OrderStatus,
    /// When it expires unless it is paid.
    pub expires_at: DateTime,
    /// The ordered ticket.
    pub ticket: OrderedTicket,
    /// Why it was cancelled. None if it was refunded, or if its ticket was withdrawn.
    pub reason: Option<String>,
    /// Whether it was cancelled because its money was returned.
    #[serde(default)]
    pub refunded: bool,
    /// Increases by one with every change.
    pub version: i64,
    /// Its events that are still to be published.
    #[serde(default)]
    pub outbox: Vec<OutboxEntry>,
}

/// The ticket as it was when it was ordered.
#[derive(Debug, Clone, Deserialize)]
pub struct OrderedTicket {
    /// The ticket.
    pub id: ObjectId,
    /// Its title.
    pub title: String,
    /// The price to pay, in US cents.
    pub price_cents: i64,
    /// The ticket's version.
    pub version: i64,
}

/// The reservation of a ticket in `orders`.
#[derive(Debug, Clone, Deserialize)]
pub struct Reservation {
    /// The ticket.
    #[serde(rename = "_id")]
    pub ticket_id: ObjectId,
    /// The order that it belongs to; the ticket's own id if the ticket was withdrawn.
    pub order_id: ObjectId,
}

/// An order's replica in `payments`.
#[derive(Debug, Clone, Deserialize)]
pub struct OrderReplica {
    /// The order.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// The buyer.
    pub user_id: ObjectId,
    /// The order's status.
    pub status: OrderStatus,
    /// The price to pay, in US cents.
    pub price_cents: i64,
    /// When it expires unless it is paid.
    pub expires_at: DateTime,
    /// The order's version.
    pub version: i64,
}

/// A payment in `payments`, whose `_id` is its order's.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    /// The paid order.
    #[serde(rename = "_id")]
    pub order_id: ObjectId,
    /// The payment's own id.
    #[serde(rename = "payment_id")]
    pub id: ObjectId,
    /// US cents.
    pub price_cents: i64,
    /// The attempts to charge a card, in order.
    pub attempts: Vec<Attempt>,
    /// Where the money is.
    pub status: PaymentStatus,
    /// US cents that were returned. Absent in documents of older releases, which had full refunds only.
    #[serde(default)]
    pub given_back_cents: i64,
    /// Increases by one with every change.
    pub version: i64,
    /// When the sweep takes it up, if it is unfinished.
    pub due_at: Option<DateTime>,
    /// Its events that are still to be published.
    #[serde(default)]
    pub outbox: Vec<OutboxEntry>,
}

/// An attempt to charge a card.
#[derive(Debug, Clone, Deserialize)]
pub struct Attempt {
    /// Counted from one.
    pub number: i64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Ticket {
    /// Whether the seller took it off sale.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.order_id == Some(self.id)
    }

    /// The order that holds it, if any.
    #[must_use]
    pub fn holder(&self) -> Option<ObjectId> {
        self.order_id.filter(|holder| *holder != self.id)
    }
}

impl Payment {
    /// US cents that were returned.
    #[must_use]
    pub const fn given_back(&self) -> i64 {
        match self.status {
            PaymentStatus::Refunded { .. } => self.price_cents,
            PaymentStatus::Open
            | PaymentStatus::Succeeded { .. }
            | PaymentStatus::RefundDue { .. } => self.given_back_cents,
        }
    }

    /// Whether the outcome of an attempt is unknown.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        let mut attempts = self.attempts.iter();
        attempts.any(|attempt| attempt.outcome == Outcome::Pending)
    }
}

/// A stored time.
#[must_use]
pub fn timestamp(stored: DateTime) -> Timestamp {
    Timestamp::from_milliseconds(stored.timestamp_millis())
}

/// A typed id as the databases store it.
#[must_use]
pub const fn object_id<K>(id: common::Id<K>) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}
