//! Where the money of a payment is.

/// Where the money is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing was charged, as far as we know.
    Open,
    /// The card was charged.
    Succeeded(Charge),
    /// The card was charged, and a refund is due because the order was cancelled.
    RefundDue(Charge),
    /// All of the money was returned.
    Refunded {
        /// What was charged.
        charge: Charge,
        /// Stripe's id of the refund or of the lost dispute.
        refund: String,
    },
}

/// Stripe's ids of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The payment intent's id.
    pub intent: String,
    /// The charge's id.
    pub id: String,
}
