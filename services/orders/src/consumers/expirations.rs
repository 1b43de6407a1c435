//! An order whose time is over is cancelled.

use common::events::ExpirationState;
use service::messaging::Failure;

use super::{Events, NoOrder};

impl Events {
    pub(super) async fn time_is_over(&self, expiration: &ExpirationState) -> Result<(), Failure> {
        let expired = self
            .orders
            .change::<Failure>(expiration.order_id, |order| {
                order
                    .expire(self.clock.now())
                    // The clocks of two machines differ.
                    .map_err(|early| Failure::Retry(early.into()))
            })
            .await?;
        expired.ok_or(NoOrder(expiration.order_id))?;
        Ok(())
    }
}
