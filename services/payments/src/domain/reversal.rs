//! Money that left again without a request of ours: refunds made in Stripe's dashboard, and disputes.

/// What Stripe returned of a charge, read in full from Stripe. It is never assembled from webhooks, which arrive more
/// than once and in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reversals {
    /// Refunded cents.
    pub refunded: i64,
    /// Stripe's id of the newest refund that did not fail.
    pub refund: Option<String>,
    /// Cents that lost disputes took.
    pub lost: i64,
    /// The newest dispute.
    pub dispute: Option<Dispute>,
}

/// A demand of the buyer's bank to get the money back: <https://docs.stripe.com/disputes>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// Stripe's id of it.
    pub id: String,
    /// Its state.
    pub state: DisputeState,
}

/// The state of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeState {
    /// Evidence can be submitted, or the bank is deciding.
    Open,
    /// We keep the money.
    Won,
    /// The buyer's bank keeps the money.
    Lost,
}

impl Reversals {
    /// The cents that were returned, by refunds and lost disputes.
    #[must_use]
    pub const fn cents(&self) -> i64 {
        self.refunded + self.lost
    }

    /// Stripe's id of what returned the money: the lost dispute, or else the refund.
    pub(crate) fn cause(&self) -> String {
        let dispute = self.dispute.as_ref().filter(|_| self.lost > 0);
        let dispute = dispute.map(|dispute| dispute.id.clone());
        dispute.or_else(|| self.refund.clone()).unwrap_or_default()
    }
}
