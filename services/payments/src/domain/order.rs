//! The order that a payment pays: a replica of what the orders service publishes.

use common::id::kind;
use common::{Id, OrderStatus, Price, Timestamp};

use super::refusal::PayRefusal;

/// An order to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    id: Id<kind::Order>,
    buyer: Id<kind::User>,
    status: OrderStatus,
    price: Price,
    expires_at: Timestamp,
}

impl Order {
    /// The order with the status that the orders service published last. Nothing is charged from `expires_at` on.
    #[must_use]
    pub const fn new(
        id: Id<kind::Order>,
        buyer: Id<kind::User>,
        status: OrderStatus,
        price: Price,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            buyer,
            status,
            price,
            expires_at,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> Id<kind::Order> {
        self.id
    }

    /// The amount to pay.
    #[must_use]
    pub const fn price(&self) -> Price {
        self.price
    }

    /// Refuses everyone but the buyer.
    pub fn check_buyer(&self, user: Id<kind::User>) -> Result<(), PayRefusal> {
        if self.buyer == user {
            Ok(())
        } else {
            Err(PayRefusal::NotTheBuyer)
        }
    }

    /// Whether the orders service cancelled it, which is final.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.status == OrderStatus::Cancelled
    }

    /// Whether a card may be charged for it now.
    #[must_use]
    pub fn can_be_charged(&self, now: Timestamp) -> bool {
        self.status.is_active() && now < self.expires_at
    }

    /// Refuses a new attempt unless a card may be charged now.
    pub fn check_chargeable(&self, now: Timestamp) -> Result<(), PayRefusal> {
        if self.status == OrderStatus::Complete {
            Err(PayRefusal::AlreadyPaid)
        } else if self.can_be_charged(now) {
            Ok(())
        } else {
            Err(PayRefusal::Cancelled)
        }
    }
}
