//! Charges: one for each attempt to pay an intent.

use std::collections::BTreeMap;

use crate::cards::Decline;

/// One attempt to charge the card of an intent.
#[derive(Debug)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) intent: String,
    pub(crate) method: String,
    pub(crate) amount: i64,
    pub(crate) refunded: i64,
    /// What a lost dispute took.
    pub(crate) lost: i64,
    /// The newest dispute.
    pub(crate) dispute: Option<String>,
    pub(crate) currency: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) balance_transaction: String,
    /// Why the card was not charged.
    pub(crate) failure: Option<&'static Decline>,
    pub(crate) created: i64,
    pub(crate) idempotency_key: Option<String>,
}
