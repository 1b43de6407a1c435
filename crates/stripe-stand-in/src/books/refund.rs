//! Refunds of charges.

use std::collections::BTreeMap;

/// A refund of a charge or of a part of it.
#[derive(Debug)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) reason: Option<&'static str>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) balance_transaction: String,
    pub(crate) created: i64,
}
