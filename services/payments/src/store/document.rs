//! Payments and orders as they are stored.

use bson::oid::ObjectId;
use bson::{DateTime, Document};
use common::{OrderStatus, Price};
use mongo::{StoreError, from_date_time, object_id, stored_version, to_date_time, typed_id};
use serde::{Deserialize, Serialize};

use telemetry::TraceContext;

use crate::domain::{
    Attempt, CardToken, Charge, Decline, Dispute, Order, Outcome, Payment, Standing, Status,
};

/// A payment. Its `_id` is its order's id: that there is one payment an order is a fact of the primary key, which
/// is the one kind of uniqueness that every database we run on gets right, and whoever looks for a payment knows
/// its order. The payment's own id is a field like others.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PaymentDocument {
    #[serde(rename = "_id")]
    order_id: ObjectId,
    payment_id: ObjectId,
    price_cents: i64,
    attempts: Vec<AttemptDocument>,
    status: StatusDocument,
    /// Cents that went back. Absent in what older releases wrote, which knew of refunds in full only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given_back_cents: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dispute: Option<DisputeDocument>,
    version: i64,
    #[serde(default)]
    tries: i64,
    /// When the sweep looks at it; absent when nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due_at: Option<DateTime>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AttemptDocument {
    number: i64,
    outcome: OutcomeDocument,
}

#[derive(Debug, Serialize, Deserialize)]
struct DisputeDocument {
    id: String,
    is: StandingDocument,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StandingDocument {
    Open,
    Won,
    Lost,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum OutcomeDocument {
    Pending {
        token: String,
    },
    /// Older releases show the message; it is written for them and never read.
    Declined {
        code: String,
        message: String,
    },
    Withdrawn,
    Succeeded,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum StatusDocument {
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

/// An order's replica.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OrderDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    user_id: ObjectId,
    status: OrderStatus,
    price_cents: i64,
    expires_at: DateTime,
    version: i64,
    /// Where in a trace it was told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<TraceContext>,
}

impl PaymentDocument {
    /// The payment as it is stored, to be looked at by the sweep at `due_at`.
    pub(super) fn new(payment: &Payment, due_at: Option<DateTime>) -> Self {
        Self {
            order_id: object_id(payment.order),
            payment_id: object_id(payment.id),
            price_cents: payment.price.cents(),
            attempts: payment.attempts.iter().map(AttemptDocument::from).collect(),
            status: StatusDocument::from(&payment.status),
            given_back_cents: Some(payment.given_back),
            dispute: payment.dispute.as_ref().map(DisputeDocument::from),
            version: stored_version(payment.version),
            tries: stored_version(payment.tries),
            due_at,
        }
    }

    /// The fields that a change sets.
    pub(super) fn fields(&self) -> Result<Document, StoreError> {
        let mut fields = bson::serialize_to_document(self)?;
        fields.remove("_id");
        Ok(fields)
    }
}

impl OrderDocument {
    /// The order, of which an event told at this place in a trace.
    pub(super) fn told_here(order: &Order) -> Self {
        Self {
            id: object_id(order.id),
            user_id: object_id(order.buyer),
            status: order.status,
            price_cents: order.price.cents(),
            expires_at: to_date_time(order.expires_at),
            version: stored_version(order.version),
            told: TraceContext::current(),
        }
    }

    /// Where in a trace it was told of, if that was remembered.
    pub(super) fn told(self) -> Option<TraceContext> {
        self.told
    }

    pub(super) const fn version(&self) -> i64 {
        self.version
    }
}

impl From<PaymentDocument> for Payment {
    fn from(stored: PaymentDocument) -> Self {
        let given_back = match stored.status {
            // An older release may have ended it, which leaves the field as it was.
            StatusDocument::Refunded { .. } => stored.price_cents,
            _ => stored.given_back_cents.unwrap_or(0),
        };
        Self {
            id: typed_id(stored.payment_id),
            order: typed_id(stored.order_id),
            price: Price::from_cents(stored.price_cents).expect("only valid prices are stored"),
            attempts: stored.attempts.into_iter().map(Attempt::from).collect(),
            status: stored.status.into(),
            given_back,
            dispute: stored.dispute.map(Dispute::from),
            version: stored.version.unsigned_abs(),
            tries: stored.tries.unsigned_abs(),
        }
    }
}

impl From<&Attempt> for AttemptDocument {
    fn from(attempt: &Attempt) -> Self {
        let outcome = match &attempt.outcome {
            Outcome::Pending(CardToken(token)) => OutcomeDocument::Pending {
                token: token.clone(),
            },
            Outcome::Declined(decline) => OutcomeDocument::Declined {
                code: decline.code.clone(),
                message: decline.words().to_owned(),
            },
            Outcome::Withdrawn => OutcomeDocument::Withdrawn,
            Outcome::Succeeded => OutcomeDocument::Succeeded,
        };
        Self {
            number: attempt.number.into(),
            outcome,
        }
    }
}

impl From<AttemptDocument> for Attempt {
    fn from(stored: AttemptDocument) -> Self {
        let outcome = match stored.outcome {
            OutcomeDocument::Pending { token } => Outcome::Pending(CardToken(token)),
            OutcomeDocument::Declined { code, .. } => Outcome::Declined(Decline { code }),
            OutcomeDocument::Withdrawn => Outcome::Withdrawn,
            OutcomeDocument::Succeeded => Outcome::Succeeded,
        };
        Self {
            number: u32::try_from(stored.number).expect("only attempts' own numbers are stored"),
            outcome,
        }
    }
}

impl From<&Dispute> for DisputeDocument {
    fn from(dispute: &Dispute) -> Self {
        Self {
            id: dispute.id.clone(),
            is: match dispute.standing {
                Standing::Open => StandingDocument::Open,
                Standing::Won => StandingDocument::Won,
                Standing::Lost => StandingDocument::Lost,
            },
        }
    }
}

impl From<DisputeDocument> for Dispute {
    fn from(stored: DisputeDocument) -> Self {
        Self {
            id: stored.id,
            standing: match stored.is {
                StandingDocument::Open => Standing::Open,
                StandingDocument::Won => Standing::Won,
                StandingDocument::Lost => Standing::Lost,
            },
        }
    }
}

impl From<&Status> for StatusDocument {
    fn from(status: &Status) -> Self {
        match status.clone() {
            Status::Open => Self::Open,
            Status::Succeeded(charge) => Self::Succeeded {
                intent_id: charge.intent,
                charge_id: charge.id,
            },
            Status::RefundDue(charge) => Self::RefundDue {
                intent_id: charge.intent,
                charge_id: charge.id,
            },
            Status::Refunded { charge, refund } => Self::Refunded {
                intent_id: charge.intent,
                charge_id: charge.id,
                refund_id: refund,
            },
        }
    }
}

impl From<StatusDocument> for Status {
    fn from(stored: StatusDocument) -> Self {
        let charge = |intent, id| Charge { intent, id };
        match stored {
            StatusDocument::Open => Self::Open,
            StatusDocument::Succeeded {
                intent_id,
                charge_id,
            } => Self::Succeeded(charge(intent_id, charge_id)),
            StatusDocument::RefundDue {
                intent_id,
                charge_id,
            } => Self::RefundDue(charge(intent_id, charge_id)),
            StatusDocument::Refunded {
                intent_id,
                charge_id,
                refund_id,
            } => Self::Refunded {
                charge: charge(intent_id, charge_id),
                refund: refund_id,
            },
        }
    }
}

impl From<OrderDocument> for Order {
    fn from(stored: OrderDocument) -> Self {
        Self {
            id: typed_id(stored.id),
            buyer: typed_id(stored.user_id),
            status: stored.status,
            price: Price::from_cents(stored.price_cents).expect("only valid prices are stored"),
            expires_at: from_date_time(stored.expires_at),
            version: stored.version.unsigned_abs(),
        }
    }
}
