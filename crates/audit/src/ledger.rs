//! Where the money is by Stripe's account, whoever gave that account: Stripe, its stand-in, or what payments recorded.

use bson::oid::ObjectId;

use crate::documents::Payment;

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
    /// What the buyer's bank took of it for good, by a dispute that was lost.
    pub lost: i64,
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

    /// The sum of all that went back.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.charges.iter().map(Charge::went_back).sum()
    }
}

impl Charge {
    /// What went back of it: refunded, or taken by a bank. A bank may take more than was left, which is no money of
    /// this sale.
    #[must_use]
    pub fn went_back(&self) -> i64 {
        if self.lost == 0 {
            self.refunded
        } else {
            (self.refunded + self.lost).min(self.amount)
        }
    }

    /// Whether all of it went back.
    #[must_use]
    pub fn is_refunded(&self) -> bool {
        self.went_back() >= self.amount
    }

    /// The charge that a payment recorded, if it recorded one: the next best account where Stripe cannot be asked.
    #[must_use]
    pub fn recorded(payment: &Payment) -> Option<Self> {
        let (intent, charge) = payment.status.charge()?;
        Some(Self {
            intent: intent.to_owned(),
            id: charge.to_owned(),
            amount: payment.price_cents,
            refunded: payment.given_back(),
            lost: 0,
            currency: "usd".to_owned(),
            order: Some(payment.order_id),
            payment: Some(payment.id),
            created: None,
            idempotency_key: None,
        })
    }
}
