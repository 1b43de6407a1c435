//! The order, as far as a payment is concerned: a replica of what the orders service says.

use common::events::OrderState;
use common::id::kind;
use common::{Id, OrderStatus, Price, Timestamp};

/// An order to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: Id<kind::Order>,
    /// Who ordered, and so who pays.
    pub buyer: Id<kind::User>,
    /// Where it stood when the orders service last told of it.
    pub status: OrderStatus,
    /// What is to be paid.
    pub price: Price,
    /// From this moment on nothing is charged.
    pub expires_at: Timestamp,
    /// The orders service's version of it.
    pub version: u64,
}

impl Order {
    /// Whether the orders service gave it up, which is for ever.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.status == OrderStatus::Cancelled
    }

    /// Whether a card may be charged for it now.
    #[must_use]
    pub fn can_be_charged(&self, now: Timestamp) -> bool {
        self.status.is_active() && now < self.expires_at
    }
}

impl From<&OrderState> for Order {
    fn from(state: &OrderState) -> Self {
        Self {
            id: state.id,
            buyer: state.user_id,
            status: state.status,
            price: state.price,
            expires_at: state.expires_at,
            version: state.version,
        }
    }
}
