//! Letting an order's time go by, or paying at its very end.

use std::time::Duration;

use common::{CancellationReason, OrderStatus, Timestamp};

use super::buying::Own;
use super::customer::Customer;

/// How long after its time an order is looked at for its end; faults may hold that up for longer.
const WATCHED: Duration = Duration::from_secs(6);

const EVERY: Duration = Duration::from_millis(700);

impl Customer {
    /// Looks on while the order expires.
    pub(super) async fn let_expire(&self, own: Own) {
        let end = own.expires_at.plus(WATCHED);
        self.wait_until(own.expires_at).await;
        while self.shop.clock.now() < end && !self.shop.is_closing() {
            let shown = self.look_at(own.order).await;
            if shown.is_some_and(|order| {
                order.status == OrderStatus::Cancelled
                    && order.reason == Some(CancellationReason::Expired)
            }) {
                return self.shop.tally.expired();
            }
            self.shop.pause(EVERY).await;
        }
    }

    /// Pays so long before the order's end.
    pub(super) async fn pay_at_the_last_moment(&self, own: Own, before: Duration) {
        self.wait_until(own.expires_at.minus(before)).await;
        if !self.shop.is_closing() {
            self.pay(own).await;
        }
    }

    async fn wait_until(&self, moment: Timestamp) {
        let wait = moment.since(self.shop.clock.now());
        self.shop.pause(wait).await;
    }
}
