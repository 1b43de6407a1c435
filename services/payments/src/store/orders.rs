//! The replica of orders.

use common::Id;
use common::events::OrderState;
use common::id::kind;
use mongo::{Collection, Database, StoreError, apply_if_newer, object_id};
use telemetry::TraceContext;

use super::document::OrderDocument;
use crate::domain::Order;

/// Orders as the orders service published them last.
#[derive(Debug, Clone)]
pub(crate) struct OrderStore {
    orders: Collection<OrderDocument>,
}

impl OrderStore {
    /// Opens the collection. Every query is by id, so it needs no index.
    pub(crate) fn open(database: &Database) -> Self {
        Self {
            orders: database.collection("orders"),
        }
    }

    /// The order, if its event has arrived.
    pub(crate) async fn find(&self, id: Id<kind::Order>) -> Result<Option<Order>, StoreError> {
        let found = self.orders.find_by_id(object_id(id)).await?;
        Ok(found.map(Order::from))
    }

    /// Stores the order's state unless the stored one is at least as new.
    pub(crate) async fn apply_if_newer(&self, order: &OrderState) -> Result<(), StoreError> {
        let replica = OrderDocument::new(order);
        apply_if_newer(&self.orders, replica.version(), &replica).await
    }

    /// The trace context of the event that the replica was made from, if it was recorded.
    pub(crate) async fn trace_of(
        &self,
        id: Id<kind::Order>,
    ) -> Result<Option<TraceContext>, StoreError> {
        let found = self.orders.find_by_id(object_id(id)).await?;
        Ok(found.and_then(OrderDocument::into_trace))
    }
}
