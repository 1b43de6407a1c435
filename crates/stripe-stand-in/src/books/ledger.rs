//! The ledger: all charges, refunds and declines, for audits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Books;
use super::charge::Charge;

/// Every movement of money. Amounts are in the smallest unit of their currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The successful charges, oldest first.
    pub charges: Vec<LedgerCharge>,
    /// The declined attempts, oldest first.
    pub declined: Vec<DeclinedAttempt>,
    /// The sums over all currencies.
    pub totals: LedgerTotals,
}

/// One charge and what was returned of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCharge {
    /// The payment intent's id.
    pub payment_intent: String,
    /// The charge's id.
    pub charge: String,
    /// The charged amount.
    pub amount: i64,
    /// The refunded amount.
    pub refunded: i64,
    /// The amount that a lost dispute took.
    #[serde(default)]
    pub lost: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// The payment intent's metadata.
    pub metadata: BTreeMap<String, String>,
    /// Seconds since 1970.
    pub created: i64,
    /// Who has the money.
    pub status: LedgerStatus,
    /// The key of the request that charged.
    pub idempotency_key: Option<String>,
}

/// Who has the money of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerStatus {
    /// The merchant.
    Succeeded,
    /// Both.
    PartiallyRefunded,
    /// The buyer, through refunds.
    Refunded,
    /// The buyer, through a dispute.
    Lost,
}

/// A declined attempt to charge a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclinedAttempt {
    /// The payment intent's id.
    pub payment_intent: String,
    /// The failed charge's id.
    pub charge: String,
    /// The amount that was not charged.
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
    /// The key of the declined request.
    pub idempotency_key: Option<String>,
}

/// Sums over all charges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerTotals {
    /// The charged amount.
    pub charged: i64,
    /// The refunded amount.
    pub refunded: i64,
    /// The amount that lost disputes took.
    #[serde(default)]
    pub lost: i64,
    /// The number of declined attempts.
    pub declined_attempts: usize,
}

impl Books {
    /// The current ledger.
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
