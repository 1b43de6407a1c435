//! Documents as they lie in the databases, read on their own account: a service that maps one wrongly must not be
//! able to hide that from whoever checks it.

use std::fmt;

use bson::DateTime;
use bson::oid::ObjectId;
use common::Timestamp;
use serde::Deserialize;

/// An account in `auth`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct User {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    pub(crate) email: String,
}

/// A ticket in `tickets`, and its replica in `orders`, which has neither memory nor outbox.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ticket {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    pub(crate) title: String,
    pub(crate) price_cents: i64,
    pub(crate) user_id: ObjectId,
    pub(crate) order_id: Option<ObjectId>,
    #[serde(default)]
    pub(crate) released: Vec<ObjectId>,
    pub(crate) version: i64,
    #[serde(default)]
    pub(crate) outbox: Vec<Waiting>,
}

/// An event that waits in its entity's document.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) id: String,
    pub(crate) subject: String,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Standing {
    #[serde(rename = "created")]
    Created,
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    #[serde(rename = "complete")]
    Complete,
    #[serde(rename = "cancelled")]
    Cancelled,
}

/// An order in `orders`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Order {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    pub(crate) user_id: ObjectId,
    pub(crate) status: Standing,
    pub(crate) expires_at: DateTime,
    pub(crate) ticket: Ordered,
    pub(crate) reason: Option<String>,
    pub(crate) version: i64,
    #[serde(default)]
    pub(crate) outbox: Vec<Waiting>,
}

/// The ticket as it was when it was ordered.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ordered {
    pub(crate) id: ObjectId,
    pub(crate) title: String,
    pub(crate) price_cents: i64,
    pub(crate) version: i64,
}

/// The claim on a ticket in `orders`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Reservation {
    #[serde(rename = "_id")]
    pub(crate) ticket_id: ObjectId,
    pub(crate) order_id: ObjectId,
}

/// An order's replica in `payments`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OrderReplica {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    pub(crate) user_id: ObjectId,
    pub(crate) status: Standing,
    pub(crate) price_cents: i64,
    pub(crate) expires_at: DateTime,
    pub(crate) version: i64,
}

/// A payment in `payments`, whose `_id` is its order's.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Payment {
    #[serde(rename = "_id")]
    pub(crate) order_id: ObjectId,
    #[serde(rename = "payment_id")]
    pub(crate) id: ObjectId,
    pub(crate) price_cents: i64,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) status: Money,
    pub(crate) version: i64,
    pub(crate) due_at: Option<DateTime>,
    #[serde(default)]
    pub(crate) outbox: Vec<Waiting>,
}

/// One card's try.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) number: i64,
    pub(crate) outcome: Outcome,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Pending,
    Declined,
    Withdrawn,
    Succeeded,
}

/// Where the money is, by the payment's own account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Money {
    Open,
    Succeeded {
        intent_id: String,
        charge_id: String,
    },
    RefundDue {
        intent_id: String,
        charge_id: String,
    },
    Refunded {
        intent_id: String,
        charge_id: String,
        refund_id: String,
    },
}

impl Standing {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingPayment => "awaiting:payment",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the order can still be paid.
    pub(crate) const fn is_active(self) -> bool {
        matches!(self, Self::Created | Self::AwaitingPayment)
    }

    /// Whether the order owns its ticket, for now or for ever.
    pub(crate) const fn is_live(self) -> bool {
        !matches!(self, Self::Cancelled)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Money {
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Succeeded { .. } => "succeeded",
            Self::RefundDue { .. } => "refund_due",
            Self::Refunded { .. } => "refunded",
        }
    }

    /// How far it has come; it never goes back.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Succeeded { .. } => 1,
            Self::RefundDue { .. } => 2,
            Self::Refunded { .. } => 3,
        }
    }

    /// The intent and the charge, if there was one.
    pub(crate) fn charge(&self) -> Option<(&str, &str)> {
        match self {
            Self::Open => None,
            Self::Succeeded {
                intent_id,
                charge_id,
            }
            | Self::RefundDue {
                intent_id,
                charge_id,
            }
            | Self::Refunded {
                intent_id,
                charge_id,
                ..
            } => Some((intent_id, charge_id)),
        }
    }
}

impl Payment {
    /// Whether an attempt's answer is not known.
    pub(crate) fn is_pending(&self) -> bool {
        let mut attempts = self.attempts.iter();
        attempts.any(|attempt| attempt.outcome == Outcome::Pending)
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            title,
            price_cents,
            ..
        } = self;
        write!(f, "version {version}, {title:?}, {price_cents} cents, ")?;
        match self.order_id {
            Some(order) => write!(f, "held by order {order}"),
            None => f.write_str("free"),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, version) = (self.status, self.version);
        let (cents, until) = (self.ticket.price_cents, moment(self.expires_at));
        write!(
            f,
            "{status}, version {version}, {cents} cents, until {until}"
        )
    }
}

impl fmt::Display for OrderReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, version) = (self.status, self.version);
        let (cents, until) = (self.price_cents, moment(self.expires_at));
        write!(
            f,
            "{status}, version {version}, {cents} cents, until {until}"
        )
    }
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, version) = (self.status.as_str(), self.version);
        let (cents, attempts) = (self.price_cents, self.attempts.len());
        write!(
            f,
            "{status}, version {version}, {cents} cents, {attempts} attempts"
        )
    }
}

/// A stored moment.
pub(crate) fn moment(stored: DateTime) -> Timestamp {
    Timestamp::from_milliseconds(stored.timestamp_millis())
}

/// A typed id as the databases have it.
pub(crate) const fn stored<K>(id: common::Id<K>) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}
