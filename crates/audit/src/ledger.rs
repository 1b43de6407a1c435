//! The movements of money by Stripe, by a stand-in of Stripe, or as payments recorded them.

use bson::oid::ObjectId;

use crate::documents::Payment;

/// All movements of money. Amounts are in the smallest unit of their currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The charges.
    pub charges: Vec<Charge>,
    /// The attempts that were declined.
    pub declined: Vec<Declined>,
}

/// A charge, and how much of it was returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The payment intent's id.
    pub intent: String,
    /// The charge's id.
    pub id: String,
    /// The amount that was charged.
    pub amount: i64,
    /// The amount that was refunded.
    pub refunded: i64,
    /// The amount that the buyer's bank took back by a lost dispute.
    pub lost: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// The order in its metadata.
    pub order: Option<ObjectId>,
    /// The payment in its metadata.
    pub payment: Option<ObjectId>,
    /// Seconds since 1970, if known.
    pub created: Option<i64>,
    /// The idempotency key of the request, if known.
    pub idempotency_key: Option<String>,
}

/// A card that was declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// The failed charge's id.
    pub charge: String,
    /// The idempotency key of the request, if known.
    pub idempotency_key: Option<String>,
}

impl Ledger {
    /// The sum of all charges.
    #[must_use]
    pub fn charged(&self) -> i64 {
        self.charges.iter().map(|charge| charge.amount).sum()
    }

    /// The sum of all returned amounts.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.charges.iter().map(Charge::went_back).sum()
    }
}

impl Charge {
    /// The returned amount: refunded, or taken by a bank. A bank may take more than was left, which is not counted.
    #[must_use]
    pub fn went_back(&self) -> i64 {
        if self.lost == 0 {
            self.refunded
        } else {
            (self.refunded + self.lost).min(self.amount)
        }
    }

    /// Whether all of it was returned.
    #[must_use]
    pub fn is_refunded(&self) -> bool {
        self.went_back() >= self.amount
    }

    /// The charge that a payment recorded, if any, for use without access to Stripe.
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
