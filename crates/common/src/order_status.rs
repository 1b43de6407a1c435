//! The status of an order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OrderStatus {
    /// Placed, but the tickets service has not confirmed the reservation yet.
    #[serde(rename = "created")]
    Created,
    /// Confirmed: the ticket is reserved, and the order waits for its payment.
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    /// Paid. Final, unless the payment is returned in full.
    #[serde(rename = "complete")]
    Complete,
    /// Cancelled by the buyer, expired or refunded, or the ticket was withdrawn. Final.
    #[serde(rename = "cancelled")]
    Cancelled,
}

/// The text is not a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such order status")]
pub struct InvalidOrderStatus;

impl OrderStatus {
    /// All statuses.
    pub const ALL: [Self; 4] = [
        Self::Created,
        Self::AwaitingPayment,
        Self::Complete,
        Self::Cancelled,
    ];

    /// The status as written in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingPayment => "awaiting:payment",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the order reserves its ticket and waits for its payment.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Created | Self::AwaitingPayment)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderStatus {
    type Err = InvalidOrderStatus;

    fn from_str(text: &str) -> Result<Self, InvalidOrderStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(InvalidOrderStatus)
    }
}
