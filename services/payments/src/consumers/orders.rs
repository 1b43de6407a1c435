//! Events of orders: they become payable, or they are cancelled.

use common::{Event, OrderStatus, Subject};
use messaging::{Failure, Handler};

use crate::settlement::Settlement;
use crate::store::OrderStore;

/// Handles `order:created` and `order:cancelled`.
#[derive(Debug)]
pub(crate) struct OrderEvents {
    orders: OrderStore,
    settlement: Settlement,
}

impl OrderEvents {
    /// The subjects that this consumer reads.
    pub(crate) const SUBJECTS: &[Subject] = &[Subject::OrderCreated, Subject::OrderCancelled];

    /// A consumer that updates the replica and refunds the charges of cancelled orders.
    pub(crate) const fn new(orders: OrderStore, settlement: Settlement) -> Self {
        Self { orders, settlement }
    }
}

impl Handler for OrderEvents {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        let (Event::OrderCreated(order) | Event::OrderCancelled(order)) = event else {
            // Not among our subjects.
            return Ok(());
        };
        // First the replica, then the payment; `settlement` explains why.
        self.orders.apply_if_newer(&order).await?;
        if order.status == OrderStatus::Cancelled {
            self.settlement.order_cancelled(order.id).await?;
        }
        Ok(())
    }
}
