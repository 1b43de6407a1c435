//! Orders and the reservations that they hold.

use bson::{Document, doc};
use common::id::kind;
use common::{Id, OrderStatus};
use mongodb::IndexModel;
use service::batched::Batched;
use service::http::PageRequest;
use service::messaging::resync::{Snapshot, snapshot_of};
use service::messaging::{OutboxCollection, Publisher, Relay};
use service::mongo::{Collection, Database, Find, StoreError, object_id, stored_version};

use super::cancellation::{Cancellation, Cancelled};
use super::document::{OrderDocument, Reservation};
use super::placement::{PlaceError, Placement};
use crate::domain::Order;
use crate::measured::OrderMetrics;

/// How often a change is tried. An order changes at most two times in its life; losing more races than that is a fault.
const TRIES: u32 = 5;

/// Orders, and the claims on tickets by which at most one of them is active a ticket.
#[derive(Debug, Clone)]
pub(crate) struct OrderStore {
    orders: OutboxCollection<OrderDocument>,
    reservations: Collection<Reservation>,
    placement: Batched<Order, Result<(), PlaceError>>,
    cancellation: Batched<Cancelled, Result<bool, StoreError>>,
    measured: OrderMetrics,
}

/// Others changed the order each time that this change was tried.
#[derive(Debug, thiserror::Error)]
#[error("the order was changed by others at the same moment")]
pub(crate) struct Raced;

impl OrderStore {
    /// Opens the collections and makes sure of their indexes.
    pub(crate) async fn open(
        database: &Database,
        relay: &mut Relay<impl Publisher>,
    ) -> Result<Self, StoreError> {
        let orders = relay.collection(database, "orders").await?;
        let reservations = database.collection("reservations");
        let placement = Placement {
            database: database.clone(),
            orders: orders.clone(),
            reservations: reservations.clone(),
        };
        let cancellation = Cancellation {
            database: database.clone(),
            orders: orders.clone(),
            reservations: reservations.clone(),
        };
        let store = Self {
            orders,
            reservations,
            placement: placement.batched(),
            cancellation: cancellation.batched(),
            measured: OrderMetrics::of(&database.metrics()),
        };
        let by_buyer = IndexModel::builder()
            .keys(doc! { "user_id": 1, "_id": -1 })
            .build();
        store.orders.documents().create_indexes([by_buyer]).await?;
        Ok(store)
    }

    /// Whether an order holds the ticket.
    pub(crate) async fn is_reserved(&self, ticket: Id<kind::Ticket>) -> Result<bool, StoreError> {
        let found = self.reservations.find_by_id(object_id(ticket));
        Ok(found.await?.is_some())
    }

    /// Writes a new order, the reservation of its ticket and the event that tells of it, or nothing.
    pub(crate) async fn place(&self, order: Order) -> Result<(), PlaceError> {
        match self.placement.run(order).await {
            Err(PlaceError::Reserved) => Err(self.rejected()),
            placed => {
                placed?;
                self.measured.placed();
                Ok(())
            }
        }
    }

    /// The refusal of an order for a ticket that another holds.
    pub(crate) fn rejected(&self) -> PlaceError {
        self.measured.rejected();
        PlaceError::Reserved
    }

    /// The order, if it exists.
    pub(crate) async fn find(&self, id: Id<kind::Order>) -> Result<Option<Order>, StoreError> {
        let found = self.orders.documents().find_by_id(object_id(id)).await?;
        Ok(found.map(Order::from))
    }

    /// A buyer's orders, newest first; one more than the page shows, if there are more.
    pub(crate) async fn list_of(
        &self,
        buyer: Id<kind::User>,
        page: &PageRequest<Id<kind::Order>>,
    ) -> Result<Vec<Order>, StoreError> {
        let mut filter = doc! { "user_id": object_id(buyer) };
        if let Some(after) = page.after {
            filter.insert("_id", doc! { "$lt": object_id(after) });
        }
        let newest_first = Find::matching(filter).sort(doc! { "_id": -1 });
        let found = self
            .orders
            .documents()
            .find(newest_first.limit(page.fetch()));
        Ok(found.await?.into_iter().map(Order::from).collect())
    }

    /// Changes the order as it is now, a few times more if it was changed meanwhile. Gives it as it is then, or `None`
    /// if there is no such order.
    ///
    /// A change to cancelled frees the ticket in the same transaction and is told of; other changes are not.
    pub(crate) async fn change<E: From<StoreError> + From<Raced>>(
        &self,
        id: Id<kind::Order>,
        change: impl Fn(&Order) -> Result<Option<Order>, E>,
    ) -> Result<Option<Order>, E> {
        for _ in 0..TRIES {
            let Some(order) = self.find(id).await? else {
                return Ok(None);
            };
            let Some(changed) = change(&order)? else {
                return Ok(Some(order));
            };
            let written = if changed.status == OrderStatus::Cancelled {
                let (old, new) = (order, changed.clone());
                self.cancellation.run(Cancelled { old, new }).await?
            } else {
                self.replace(&order, &changed).await?
            };
            if written {
                self.measured.changed(&changed);
                return Ok(Some(changed));
            }
        }
        Err(Raced.into())
    }

    async fn replace(&self, old: &Order, new: &Order) -> Result<bool, StoreError> {
        let (filter, update) = replacement(old, new);
        self.orders.update(filter, update, &[]).await
    }

    /// Tells of the order once more, as it is.
    pub(crate) async fn tell_again(&self, order: &Order) -> Result<(), StoreError> {
        let (filter, _) = replacement(order, order);
        // If it was changed meanwhile, that change is told of.
        let no_change = doc! { "$set": { "version": stored_version(order.version) } };
        self.orders
            .update(filter, no_change, &[order.event()])
            .await?;
        Ok(())
    }

    /// The state of every order, for re-emission.
    pub(crate) fn snapshot(&self) -> Snapshot {
        snapshot_of(self.orders.documents(), |stored| {
            Some(Order::from(stored).event())
        })
    }
}

fn by_id(id: Id<kind::Order>) -> Document {
    doc! { "_id": object_id(id) }
}

/// The change of an order that is as it was read.
pub(super) fn replacement(old: &Order, new: &Order) -> (Document, Document) {
    let mut filter = by_id(old.id);
    filter.insert("version", stored_version(old.version));
    (filter, doc! { "$set": OrderDocument::changeable(new) })
}
