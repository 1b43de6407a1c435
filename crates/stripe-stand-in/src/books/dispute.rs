//! Disputes and their states.

use serde::Serialize;

/// A charge that the buyer's bank wants back.
#[derive(Debug)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: DisputeStatus,
    pub(crate) created: i64,
}

/// The state of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeStatus {
    NeedsResponse,
    Won,
    Lost,
}
