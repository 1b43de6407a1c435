//! Orders are to be paid, or not any more.

use common::{Event, Subject};
use messaging::{Failure, Handler};

use crate::domain::Order;
use crate::settlement::Settlement;
use crate::store::OrderStore;

/// Handles `order:created` and `order:cancelled`.
#[derive(Debug)]
pub(crate) struct OrderEvents {
    orders: OrderStore,
    settlement: Settlement,
}

impl OrderEvents {
    /// What this consumer reads.
    pub(crate) const SUBJECTS: &[Subject] = &[Subject::OrderCreated, Subject::OrderCancelled];

    /// A consumer that writes to this replica and settles what the cancelled ones paid.
    pub(crate) const fn new(orders: OrderStore, settlement: Settlement) -> Self {
        Self { orders, settlement }
    }
}

impl Handler for OrderEvents {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        let (Event::OrderCreated(state) | Event::OrderCancelled(state)) = event else {
            // Not among our subjects.
            return Ok(());
        };
        let order = Order::from(&state);
        // First the replica and then the payment; see the settlement for why.
        self.orders.apply_if_newer(&order).await?;
        if order.is_cancelled() {
            self.settlement.order_cancelled(order.id).await?;
        }
        Ok(())
    }
}
