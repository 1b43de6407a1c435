//! The replica of orders.

use common::Id;
use common::id::kind;
use mongo::{Collection, Database, StoreError, apply_if_newer, object_id};
use telemetry::TraceContext;

use super::document::OrderDocument;
use crate::domain::Order;

/// What the orders service told of its orders.
#[derive(Debug, Clone)]
pub(crate) struct OrderStore {
    orders: Collection<OrderDocument>,
}

impl OrderStore {
    /// Opens the collection, whose every query is by id.
    pub(crate) fn open(database: &Database) -> Self {
        Self {
            orders: database.collection("orders"),
        }
    }

    /// The order, if its event has come.
    pub(crate) async fn find(&self, id: Id<kind::Order>) -> Result<Option<Order>, StoreError> {
        let found = self.orders.find_by_id(object_id(id)).await?;
        Ok(found.map(Order::from))
    }

    /// Takes note of the order's state, unless a state at least as new is known.
    pub(crate) async fn apply_if_newer(&self, order: &Order) -> Result<(), StoreError> {
        let replica = OrderDocument::told_here(order);
        apply_if_newer(&self.orders, replica.version(), &replica).await
    }

    /// Where in a trace the order was told of, if that was remembered.
    pub(crate) async fn told(
        &self,
        id: Id<kind::Order>,
    ) -> Result<Option<TraceContext>, StoreError> {
        let found = self.orders.find_by_id(object_id(id)).await?;
        Ok(found.and_then(OrderDocument::told))
    }
}
