//! Where orders and payments can stand.

use std::fmt;

use serde::Deserialize;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Standing {
    /// Its ticket does not know of it yet.
    #[serde(rename = "created")]
    Created,
    /// It holds its ticket.
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    /// Paid.
    #[serde(rename = "complete")]
    Complete,
    /// Given up, or expired.
    #[serde(rename = "cancelled")]
    Cancelled,
}

/// How a try ended.
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
    /// It never arrived, and never will.
    Withdrawn,
    /// The card was charged.
    Succeeded,
}

/// Where the money is, by the payment's own account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Money {
    /// With the buyer.
    Open,
    /// With us.
    Succeeded {
        /// Stripe's id of the payment intent.
        intent_id: String,
        /// Stripe's id of the charge.
        charge_id: String,
    },
    /// With us, and to be given back.
    RefundDue {
        /// Stripe's id of the payment intent.
        intent_id: String,
        /// Stripe's id of the charge.
        charge_id: String,
    },
    /// With the buyer again.
    Refunded {
        /// Stripe's id of the payment intent.
        intent_id: String,
        /// Stripe's id of the charge.
        charge_id: String,
        /// Stripe's id of the refund.
        refund_id: String,
    },
}

impl Standing {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingPayment => "awaiting:payment",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
        }
    }

    /// How far it has come; it never goes back.
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

    /// Whether the order owns its ticket, for now or for ever.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::Cancelled)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Money {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
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
    /// As it is stored.
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
