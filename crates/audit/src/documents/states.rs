//! The states of orders and payments.

use std::fmt;

use serde::Deserialize;

/// The status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OrderStatus {
    /// It does not hold its ticket yet.
    #[serde(rename = "created")]
    Created,
    /// It holds its ticket.
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    /// Paid.
    #[serde(rename = "complete")]
    Complete,
    /// Cancelled by its buyer, expired, refunded, or its ticket was withdrawn.
    #[serde(rename = "cancelled")]
    Cancelled,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// Stripe's answer is not known.
    Pending,
    /// The card was not charged.
    Declined {
        /// Stripe's code for the reason.
        #[serde(default)]
        code: String,
    },
    /// It never reached Stripe, and never will.
    Withdrawn,
    /// The card was charged.
    Succeeded,
}

/// Where the money is, as the payment recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum PaymentStatus {
    /// With the buyer.
    Open,
    /// With us.
    Succeeded {
        /// Stripe's id of the payment intent.
        intent_id: String,
        /// Stripe's id of the charge.
        charge_id: String,
    },
    /// With us, and to be refunded.
    RefundDue {
        /// Stripe's id of the payment intent.
        intent_id: String,
        /// Stripe's id of the charge.
        charge_id: String,
    },
    /// Back with the buyer.
    Refunded {
        /// Stripe's id of the payment intent.
        intent_id: String,
        /// Stripe's id of the charge.
        charge_id: String,
        /// Stripe's id of the refund.
        refund_id: String,
    },
}

impl OrderStatus {
    /// Its stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingPayment => "awaiting:payment",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
        }
    }

    /// Its place in the order of states, which never decreases.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::AwaitingPayment => 1,
            Self::Complete => 2,
            Self::Cancelled => 3,
        }
    }

    /// Whether the order can still be paid.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Created | Self::AwaitingPayment)
    }

    /// Whether the order claims its ticket.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::Cancelled)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PaymentStatus {
    /// Its stored form.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Succeeded { .. } => "succeeded",
            Self::RefundDue { .. } => "refund_due",
            Self::Refunded { .. } => "refunded",
        }
    }

    /// Its place in the order of states, which never decreases.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Succeeded { .. } => 1,
            Self::RefundDue { .. } => 2,
            Self::Refunded { .. } => 3,
        }
    }

    /// The payment intent and the charge, if there was one.
    #[must_use]
    pub fn charge(&self) -> Option<(&str, &str)> {
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

impl Outcome {
    /// Its stored form.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Declined { .. } => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Succeeded => "succeeded",
        }
    }
}
