//! Documents as they lie in the databases, read on their own account: a service that maps one wrongly must not be
//! able to hide that from whoever checks it.

mod display;
mod states;

use bson::DateTime;
use bson::oid::ObjectId;
use common::Timestamp;
use serde::Deserialize;

pub use states::{Money, Outcome, Standing};

/// An account in `auth`.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// The account.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// Whose it is.
    pub email: String,
}

/// A ticket in `tickets`, and its replica in `orders`, which has neither memory nor outbox.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    /// The ticket.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// What is for sale.
    pub title: String,
    /// US cents.
    pub price_cents: i64,
    /// Who sells it.
    pub user_id: ObjectId,
    /// The order that holds it, while one does; its own id once it was withdrawn.
    pub order_id: Option<ObjectId>,
    /// The cancelled orders that it remembers.
    #[serde(default)]
    pub released: Vec<ObjectId>,
    /// Grows by one with every change.
    pub version: i64,
    /// Its events that wait to be published.
    #[serde(default)]
    pub outbox: Vec<Waiting>,
}

/// An event that waits in its entity's document.
#[derive(Debug, Clone, Deserialize)]
pub struct Waiting {
    /// Becomes the message's id.
    pub id: String,
    /// What it tells.
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
    /// Who ordered.
    pub user_id: ObjectId,
    /// Where it stands.
    pub status: Standing,
    /// Until when it can be paid.
    pub expires_at: DateTime,
    /// What is ordered.
    pub ticket: Ordered,
    /// Why it was cancelled, if it was; none for one that was refunded, or whose ticket was withdrawn.
    pub reason: Option<String>,
    /// Whether it was cancelled since its money went back.
    #[serde(default)]
    pub refunded: bool,
    /// Grows by one with every change.
    pub version: i64,
    /// Its events that wait to be published.
    #[serde(default)]
    pub outbox: Vec<Waiting>,
}

/// The ticket as it was when it was ordered.
#[derive(Debug, Clone, Deserialize)]
pub struct Ordered {
    /// The ticket.
    pub id: ObjectId,
    /// What was for sale.
    pub title: String,
    /// What is to be paid, in US cents.
    pub price_cents: i64,
    /// The ticket's version then.
    pub version: i64,
}

/// The claim on a ticket in `orders`.
#[derive(Debug, Clone, Deserialize)]
pub struct Reservation {
    /// The ticket.
    #[serde(rename = "_id")]
    pub ticket_id: ObjectId,
    /// Whose it is; the ticket's own if it was withdrawn.
    pub order_id: ObjectId,
}

/// An order's replica in `payments`.
#[derive(Debug, Clone, Deserialize)]
pub struct OrderReplica {
    /// The order.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// Who ordered.
    pub user_id: ObjectId,
    /// Where it stood.
    pub status: Standing,
    /// What is to be paid, in US cents.
    pub price_cents: i64,
    /// Until when it can be paid.
    pub expires_at: DateTime,
    /// The order's version then.
    pub version: i64,
}

/// A payment in `payments`, whose `_id` is its order's.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    /// What is paid.
    #[serde(rename = "_id")]
    pub order_id: ObjectId,
    /// The payment's own id.
    #[serde(rename = "payment_id")]
    pub id: ObjectId,
    /// US cents.
    pub price_cents: i64,
    /// Every card that was tried.
    pub attempts: Vec<Attempt>,
    /// Where the money is.
    pub status: Money,
    /// US cents that went back; absent in what older releases wrote, which knew of refunds in full only.
    #[serde(default)]
    pub given_back_cents: i64,
    /// Grows by one with every change.
    pub version: i64,
    /// When the sweep looks at it, if anything is to be done.
    pub due_at: Option<DateTime>,
    /// Its events that wait to be published.
    #[serde(default)]
    pub outbox: Vec<Waiting>,
}

/// One card's try.
#[derive(Debug, Clone, Deserialize)]
pub struct Attempt {
    /// From one.
    pub number: i64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Ticket {
    /// Whether its seller took it off sale.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.order_id == Some(self.id)
    }

    /// The order that holds it, while one does.
    #[must_use]
    pub fn holder(&self) -> Option<ObjectId> {
        self.order_id.filter(|holder| *holder != self.id)
    }
}

impl Payment {
    /// US cents that went back.
    #[must_use]
    pub const fn given_back(&self) -> i64 {
        match self.status {
            Money::Refunded { .. } => self.price_cents,
            Money::Open | Money::Succeeded { .. } | Money::RefundDue { .. } => {
                self.given_back_cents
            }
        }
    }

    /// Whether an attempt's answer is not known.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        let mut attempts = self.attempts.iter();
        attempts.any(|attempt| attempt.outcome == Outcome::Pending)
    }
}

/// A stored moment.
#[must_use]
pub fn moment(stored: DateTime) -> Timestamp {
    Timestamp::from_milliseconds(stored.timestamp_millis())
}

/// A typed id as the databases have it.
#[must_use]
pub const fn stored<K>(id: common::Id<K>) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}
