//! The documents of payments and orders.

use bson::oid::ObjectId;
use bson::{DateTime, Document};
use common::events::OrderState;
use common::{OrderStatus, Price};
use mongo::{StoreError, from_date_time, object_id, stored_version, to_date_time, typed_id};
use serde::{Deserialize, Serialize};
use telemetry::TraceContext;

use crate::domain::{
    Attempt, CardToken, Charge, Decline, Dispute, DisputeState, Order, Outcome, Payment,
    PaymentRecord, Status,
};

/// A payment. Its `_id` is the order's id, so the primary key guarantees one payment per order, and every query knows
/// the order. The payment's own id is an ordinary field.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PaymentDocument {
    #[serde(rename = "_id")]
    order_id: ObjectId,
    payment_id: ObjectId,
    price_cents: i64,
    attempts: Vec<AttemptDocument>,
    status: StatusDocument,
    /// Returned cents. Absent in documents of older releases, which knew only refunds in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given_back_cents: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dispute: Option<DisputeDocument>,
    version: i64,
    #[serde(default)]
    tries: i64,
    /// When the sweep resumes it; absent when no work is left.
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
    #[serde(with = "DisputeStateDocument")]
    is: DisputeState,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "DisputeState", rename_all = "snake_case")]
enum DisputeStateDocument {
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
    /// The message is written for older releases, which show it. This release never reads it.
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
    /// The trace context of the order's event.
    #[serde(rename = "told", default, skip_serializing_if = "Option::is_none")]
    trace: Option<TraceContext>,
}

impl PaymentDocument {
    /// The payment's document; the sweep resumes it at `due_at`.
    pub(super) fn new(payment: &Payment, due_at: Option<DateTime>) -> Self {
        let attempts = payment.attempts().iter();
        Self {
            order_id: object_id(payment.order_id()),
            payment_id: object_id(payment.id()),
            price_cents: payment.price().cents(),
            attempts: attempts.map(AttemptDocument::from).collect(),
            status: StatusDocument::from(payment.status()),
            given_back_cents: Some(payment.returned_cents()),
            dispute: payment.dispute().map(DisputeDocument::from),
            version: stored_version(payment.version()),
            tries: stored_version(payment.tries()),
            due_at,
        }
    }

    /// The fields that an update sets.
    pub(super) fn fields(&self) -> Result<Document, StoreError> {
        let mut fields = bson::serialize_to_document(self)?;
        fields.remove("_id");
        Ok(fields)
    }
}

impl OrderDocument {
    /// The document of an order whose event is being handled.
    pub(super) fn new(order: &OrderState) -> Self {
        Self {
            id: object_id(order.id),
            user_id: object_id(order.user_id),
            status: order.status,
            price_cents: order.price.cents(),
            expires_at: to_date_time(order.expires_at),
            version: stored_version(order.version),
            trace: TraceContext::current(),
        }
    }

    /// The trace context of the order's event, if it was recorded.
    pub(super) fn into_trace(self) -> Option<TraceContext> {
        self.trace
    }

    pub(super) const fn version(&self) -> i64 {
        self.version
    }
}

impl From<PaymentDocument> for Payment {
    fn from(stored: PaymentDocument) -> Self {
        let returned_cents = match stored.status {
            // An older release ends a payment without setting the field.
            StatusDocument::Refunded { .. } => stored.price_cents,
            _ => stored.given_back_cents.unwrap_or(0),
        };
        Self::restore(PaymentRecord {
            id: typed_id(stored.payment_id),
            order_id: typed_id(stored.order_id),
            price: Price::from_cents(stored.price_cents).expect("only valid prices are stored"),
            attempts: stored.attempts.into_iter().map(Attempt::from).collect(),
            status: stored.status.into(),
            returned_cents,
            dispute: stored.dispute.map(Dispute::from),
            version: stored.version.unsigned_abs(),
            tries: stored.tries.unsigned_abs(),
        })
    }
}

impl From<&Attempt> for AttemptDocument {
    fn from(attempt: &Attempt) -> Self {
        let outcome = match &attempt.outcome {
            Outcome::Pending(card) => OutcomeDocument::Pending {
                token: card.expose().to_owned(),
            },
            Outcome::Declined(decline) => OutcomeDocument::Declined {
                code: decline.code().to_owned(),
                message: decline.message().to_owned(),
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
            OutcomeDocument::Pending { token } => Outcome::Pending(CardToken::new(token)),
            OutcomeDocument::Declined { code, .. } => Outcome::Declined(Decline::new(code)),
            OutcomeDocument::Withdrawn => Outcome::Withdrawn,
            OutcomeDocument::Succeeded => Outcome::Succeeded,
        };
        Self {
            number: u32::try_from(stored.number).expect("stored numbers were u32"),
            outcome,
        }
    }
}

impl From<&Dispute> for DisputeDocument {
    fn from(dispute: &Dispute) -> Self {
        Self {
            id: dispute.id.clone(),
            is: dispute.state,
        }
    }
}

impl From<DisputeDocument> for Dispute {
    fn from(stored: DisputeDocument) -> Self {
        Self {
            id: stored.id,
            state: stored.is,
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
        Self::new(
            typed_id(stored.id),
            typed_id(stored.user_id),
            stored.status,
            Price::from_cents(stored.price_cents).expect("only valid prices are stored"),
            from_date_time(stored.expires_at),
        )
    }
}
