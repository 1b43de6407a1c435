//! An order whose time is over is cancelled.

use base::Clock;
use common::events::ExpirationState;
use messaging::Failure;

use super::NoOrder;
use crate::store::OrderStore;

/// Handles `expiration:complete`.
#[derive(Debug)]
pub(super) struct ExpirationEvents {
    orders: OrderStore,
    clock: Clock,
}

impl ExpirationEvents {
    pub(super) const fn new(orders: OrderStore, clock: Clock) -> Self {
        Self { orders, clock }
    }

    pub(super) async fn complete(&self, expiration: &ExpirationState) -> Result<(), Failure> {
        let expired = self
            .orders
            .change::<Failure>(expiration.order_id, |order| {
                let now = self.clock.now();
                // The clocks of two machines differ.
                order
                    .expire(now)
                    .map_err(|early| Failure::NotBefore(early.0.since(now)))
            })
            .await?;
        expired.ok_or(NoOrder(expiration.order_id))?;
        Ok(())
    }
}
