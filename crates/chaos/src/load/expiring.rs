//! Letting an order expire, or paying just before its expiry.

use std::time::Duration;

use common::{CancellationReason, OrderStatus, Timestamp};

use super::buying::OwnOrder;
use super::customer::Customer;

/// How long after its expiry an order is watched. Faults may delay its end for longer.
const WATCHED: Duration = Duration::from_secs(6);

const EVERY: Duration = Duration::from_millis(700);

impl Customer {
    /// Watches the order expire.
    pub(super) async fn let_expire(&self, own: OwnOrder) {
        let end = own.expires_at.plus(WATCHED);
        self.wait_until(own.expires_at).await;
        while self.shop.clock.now() < end && !self.shop.is_closing() {
            let shown = self.show_order(own.order).await;
            if shown.is_some_and(|order| {
                order.status == OrderStatus::Cancelled
                    && order.reason == Some(CancellationReason::Expired)
            }) {
                return self.shop.tally.expired();
            }
            self.shop.pause(EVERY).await;
        }
    }

    /// Pays this long before the order's expiry.
    pub(super) async fn pay_at_the_last_moment(&self, own: OwnOrder, before: Duration) {
        self.wait_until(own.expires_at.minus(before)).await;
        if !self.shop.is_closing() {
            self.pay(own).await;
        }
    }

    async fn wait_until(&self, time: Timestamp) {
        let wait = time.since(self.shop.clock.now());
        self.shop.pause(wait).await;
    }
}
