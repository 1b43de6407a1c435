//! Where the money is by Stripe's account, whoever gave that account: Stripe, its stand-in, or what payments recorded.

use bson::oid::ObjectId;

use crate::documents::{Money, Payment};

/// Every movement of money. Amounts are in the smallest unit of their currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// What was charged.
    pub charges: Vec<Charge>,
    /// What was tried and not charged.
    pub declined: Vec<Declined>,
}

/// One charge, with what was given back of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The payment intent's id.
    pub intent: String,
    /// The charge's id.
    pub id: String,
    /// What was charged.
    pub amount: i64,
    /// What was given back of it.
    pub refunded: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// The order that it names.
    pub order: Option<ObjectId>,
    /// The payment that it names.
    pub payment: Option<ObjectId>,
    /// Seconds since 1970; unknown by what payments recorded.
    pub created: Option<i64>,
    /// The key of the request that charged, if that is known.
    pub idempotency_key: Option<String>,
}

/// A card that was declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// The failed charge's id.
    pub charge: String,
    /// The key of the request that tried, if that is known.
    pub idempotency_key: Option<String>,
}

impl Ledger {
    /// The sum of all that was charged.
    #[must_use]
    pub fn charged(&self) -> i64 {
        self.charges.iter().map(|charge| charge.amount).sum()
    }

    /// The sum of all that was given back.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.charges.iter().map(|charge| charge.refunded).sum()
    }
}

impl Charge {
    /// Whether all of it was given back.
    #[must_use]
    pub const fn is_refunded(&self) -> bool {
        self.refunded >= self.amount
    }

    /// The charge that a payment recorded, if it recorded one: the next best account where Stripe cannot be asked.
    #[must_use]
    pub fn recorded(payment: &Payment) -> Option<Self> {
        let (intent, charge) = payment.status.charge()?;
        let refunded = match payment.status {
            Money::Refunded { .. } => payment.price_cents,
            Money::Open | Money::Succeeded { .. } | Money::RefundDue { .. } => 0,
        };
        Some(Self {
            intent: intent.to_owned(),
            id: charge.to_owned(),
            amount: payment.price_cents,
            refunded,
            currency: "usd".to_owned(),
            order: Some(payment.order_id),
            payment: Some(payment.id),
            created: None,
            idempotency_key: None,
        })
    }
}
