//! The replica of orders.

use bson::doc;
use common::Id;
use common::id::kind;
use mongodb::{Collection, Database};
use service::mongo::{StoreError, is_duplicate_key, object_id};

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
        let found = self.orders.find_one(doc! { "_id": object_id(id) }).await?;
        Ok(found.map(Order::from))
    }

    /// Takes note of the order's state, unless a state at least as new is known.
    pub(crate) async fn apply(&self, order: &Order) -> Result<(), StoreError> {
        let stored = OrderDocument::from(order);
        let outdated = doc! { "_id": object_id(order.id), "version": { "$lt": stored.version() } };
        let update = doc! { "$set": stored.fields()? };
        match self.orders.update_one(outdated, update).upsert(true).await {
            // Nothing outdated matched, so the upsert met the order itself, which is as new or newer.
            Err(error) if is_duplicate_key(&error) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }
}
