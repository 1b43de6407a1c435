//! Where the money is, for audits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Books;
use super::charge::Charge;

/// Every movement of money. Amounts are in the smallest unit of their currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// What was charged, oldest first.
    pub charges: Vec<LedgerCharge>,
    /// What was tried and not charged, oldest first.
    pub declined: Vec<DeclinedAttempt>,
    /// The sums, over all currencies.
    pub totals: LedgerTotals,
}

/// One charge, with what was given back of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCharge {
    /// The payment intent's id.
    pub payment_intent: String,
    /// The charge's id.
    pub charge: String,
    /// What was charged.
    pub amount: i64,
    /// What was given back of it.
    pub refunded: i64,
    /// What the buyer's bank took back for good.
    #[serde(default)]
    pub lost: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// The payment intent's metadata.
    pub metadata: BTreeMap<String, String>,
    /// Seconds since 1970.
    pub created: i64,
    /// Where the money is.
    pub status: LedgerStatus,
    /// The key of the request that charged.
    pub idempotency_key: Option<String>,
}

/// Where the money of a charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerStatus {
    /// With the merchant.
    Succeeded,
    /// With both.
    PartiallyRefunded,
    /// With the buyer again.
    Refunded,
    /// With the buyer again, by a dispute.
    Lost,
}

/// A card that was declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclinedAttempt {
    /// The payment intent's id.
    pub payment_intent: String,
    /// The failed charge's id.
    pub charge: String,
    /// What would have been charged.
    pub amount: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// The payment intent's metadata.
    pub metadata: BTreeMap<String, String>,
    /// Seconds since 1970.
    pub created: i64,
    /// Such as `card_declined`.
    pub code: String,
    /// Such as `insufficient_funds`.
    pub decline_code: String,
    /// The key of the request that tried.
    pub idempotency_key: Option<String>,
}

/// Sums over all charges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerTotals {
    /// What was charged.
    pub charged: i64,
    /// What was given back.
    pub refunded: i64,
    /// What banks took back for good.
    #[serde(default)]
    pub lost: i64,
    /// How many attempts were declined.
    pub declined_attempts: usize,
}

impl Books {
    /// The present state of all money.
    pub(crate) fn ledger(&self) -> Ledger {
        let (failed, paid): (Vec<&Charge>, Vec<&Charge>) = self
            .charges
            .iter()
            .partition(|charge| charge.failure.is_some());
        let charges: Vec<_> = paid.into_iter().map(LedgerCharge::of).collect();
        let declined: Vec<_> = failed.into_iter().filter_map(DeclinedAttempt::of).collect();
        let totals = LedgerTotals {
            charged: charges.iter().map(|charge| charge.amount).sum(),
            refunded: charges.iter().map(|charge| charge.refunded).sum(),
            lost: charges.iter().map(|charge| charge.lost).sum(),
            declined_attempts: declined.len(),
        };
        Ledger {
            charges,
            declined,
            totals,
        }
    }
}

impl LedgerCharge {
    fn of(charge: &Charge) -> Self {
        Self {
            payment_intent: charge.intent.clone(),
            charge: charge.id.clone(),
            amount: charge.amount,
            refunded: charge.refunded,
            lost: charge.lost,
            currency: charge.currency.clone(),
            metadata: charge.metadata.clone(),
            created: charge.created,
            status: match (charge.refunded, charge.lost) {
                (_, 1..) => LedgerStatus::Lost,
                (0, _) => LedgerStatus::Succeeded,
                (refunded, _) if refunded < charge.amount => LedgerStatus::PartiallyRefunded,
                _ => LedgerStatus::Refunded,
            },
            idempotency_key: charge.idempotency_key.clone(),
        }
    }
}

impl DeclinedAttempt {
    fn of(charge: &Charge) -> Option<Self> {
        let decline = charge.failure?;
        Some(Self {
            payment_intent: charge.intent.clone(),
            charge: charge.id.clone(),
            amount: charge.amount,
            currency: charge.currency.clone(),
            metadata: charge.metadata.clone(),
            created: charge.created,
            code: decline.code.to_owned(),
            decline_code: decline.decline_code.to_owned(),
            idempotency_key: charge.idempotency_key.clone(),
        })
    }
}
