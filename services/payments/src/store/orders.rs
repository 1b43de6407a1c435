//! The replica of orders.

use bson::doc;
use common::Id;
use common::id::kind;
use serde::Deserialize;
use service::mongo::{Collection, Database, Find, StoreError, apply_if_newer, object_id};
use service::telemetry::TraceContext;

use super::document::OrderDocument;
use crate::domain::Order;

/// The field that remembers where in a trace an order was told of.
const TOLD: &str = "told";

#[derive(Deserialize)]
struct Told {
    told: Option<TraceContext>,
}

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
        let stored = OrderDocument::from(order);
        let (id, version) = (object_id(order.id), stored.version());
        let mut fields = stored.fields()?;
        if let Some(here) = TraceContext::current() {
            fields.insert(TOLD, bson::serialize_to_bson(&here)?);
        }
        apply_if_newer(&self.orders, id, version, fields).await
    }

    /// Where in a trace the order was told of, if that was remembered.
    pub(crate) async fn told(
        &self,
        id: Id<kind::Order>,
    ) -> Result<Option<TraceContext>, StoreError> {
        let by_id = Find::matching(doc! { "_id": object_id(id) });
        let told = self.orders.with_type::<Told>();
        let mut found = told.find(by_id.project(doc! { TOLD: 1 })).await?;
        Ok(found.pop().and_then(|order| order.told))
    }
}
