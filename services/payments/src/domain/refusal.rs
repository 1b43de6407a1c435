//! Why an order cannot be paid.

use super::decline::Decline;

/// Why an order is not paid. The messages are part of the HTTP contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayRefusal {
    /// The order belongs to another user.
    #[error("Not authorized")]
    NotTheBuyer,
    /// The order was cancelled or has expired.
    #[error("Cannot pay for a cancelled order")]
    Cancelled,
    /// The order is paid.
    #[error("Order is already paid")]
    AlreadyPaid,
    /// The card was declined.
    #[error(transparent)]
    Declined(#[from] Decline),
}

/// Why no further attempt can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetryRefusal {
    /// An attempt is pending.
    #[error("an attempt is pending")]
    Pending,
    /// An attempt succeeded.
    #[error("an attempt succeeded")]
    Paid,
    /// An attempt succeeded, and its charge is being refunded or was returned.
    #[error("the payment is refunded")]
    Refunded,
}
