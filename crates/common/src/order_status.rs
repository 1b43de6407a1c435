//! The four states of an order, as they are written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OrderStatus {
    /// Made; the tickets service has not confirmed the reservation yet.
    #[serde(rename = "created")]
    Created,
    /// The ticket is held for this order, which waits to be paid.
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    /// Paid. The end, unless all of the money goes back.
    #[serde(rename = "complete")]
    Complete,
    /// Given up by its owner, expired, or refunded. The end.
    #[serde(rename = "cancelled")]
    Cancelled,
}

/// The text names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such order status")]
pub struct InvalidOrderStatus;

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [
        Self::Created,
        Self::AwaitingPayment,
        Self::Complete,
        Self::Cancelled,
    ];

    /// The status as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingPayment => "awaiting:payment",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the order still holds its ticket and can be paid.
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
