//! Orders and the reservations that they hold.

use std::time::Duration;

use bson::{Document, doc};
use common::api::orders::OrderSort;
use common::id::kind;
use common::{Id, OrderStatus, Timestamp};
use messaging::resync::{Snapshot, snapshot_of};
use messaging::{OutboxCollection, Publisher, Relay};
use mongo::batched::Batched;
use mongo::{
    Collection, Database, Find, StoreError, object_id, stored_version, typed_id, until_written,
};
use mongodb::IndexModel;
use web::PageRequest;
use web::replica_waits::find_within;

use super::cancellation::{Cancellation, Cancelled};
use super::document::{OrderDocument, Reservation};
use super::placement::{PlaceError, Placement};
use crate::domain::Order;
use crate::measured::OrderMetrics;

/// How long to look for the reservation that an order lost against: a majority of the database's members may not have it
/// yet. If it was released in between, there is none to find.
const RESERVATION_WAIT: Duration = Duration::from_millis(500);

/// Orders, and the claims on tickets by which at most one of them is active a ticket.
#[derive(Debug, Clone)]
pub(crate) struct OrderStore {
    orders: OutboxCollection<OrderDocument>,
    reservations: Collection<Reservation>,
    placement: Batched<Order, Result<(), PlaceError>>,
    cancellation: Batched<Cancelled, Result<bool, StoreError>>,
    measured: OrderMetrics,
}

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

    /// Takes a ticket off sale: cancels the order that holds it, and claims it for good, so that no other can. An order that
    /// is paid stands, and is returned.
    pub(crate) async fn withdraw<E: From<StoreError>>(
        &self,
        ticket: Id<kind::Ticket>,
    ) -> Result<Option<Order>, E> {
        until_written(|| async move {
            let claim = Reservation::of_withdrawn(ticket);
            match self.reservations.insert_one(&claim).await {
                Err(error) if error.is_duplicate_key() => {}
                claimed => return Ok(claimed.map(|()| Some(None))?),
            }
            let Some(claimed) = self.reservations.find_by_id(object_id(ticket)).await? else {
                return Ok(None);
            };
            let Some(holder) = claimed.holder() else {
                return Ok(Some(None));
            };
            let order = self
                .change::<E>(holder, |order| Ok(order.lose_ticket()))
                .await?;
            // Any other order was cancelled, and the ticket is free.
            let paid = order.filter(|order| order.status == OrderStatus::Complete);
            Ok(paid.map(Some))
        })
        .await
    }

    /// Writes a new order, the reservation of its ticket and the event that tells of it, or nothing. If an unpaid order of
    /// the same buyer holds the ticket already, that is the one: the answer to an earlier request was lost, or the
    /// answer to the commit of this one.
    pub(crate) async fn place(&self, order: Order, now: Timestamp) -> Result<Order, PlaceError> {
        match self.placement.run(order.clone()).await {
            Err(PlaceError::Reserved) => {
                let ticket = object_id(order.ticket.id);
                let reservation =
                    find_within(RESERVATION_WAIT, || self.reservations.find_by_id(ticket));
                let held = self.held(reservation.await?, order.buyer, now).await?;
                if held.id == order.id {
                    self.measured.placed();
                }
                Ok(held)
            }
            placed => {
                placed?;
                self.measured.placed();
                Ok(order)
            }
        }
    }

    /// The unpaid order of this buyer that holds the ticket; a refusal if another order holds it; `None` if none does.
    pub(crate) async fn find_held(
        &self,
        ticket: Id<kind::Ticket>,
        buyer: Id<kind::User>,
        now: Timestamp,
    ) -> Result<Option<Order>, PlaceError> {
        match self.reservations.find_by_id(object_id(ticket)).await? {
            None => Ok(None),
            reservation => self.held(reservation, buyer, now).await.map(Some),
        }
    }

    /// The order that the reservation is of, if that is an unpaid one of this buyer. Orders of others are not looked at.
    async fn held(
        &self,
        reservation: Option<Reservation>,
        buyer: Id<kind::User>,
        now: Timestamp,
    ) -> Result<Order, PlaceError> {
        let own = reservation.filter(|reservation| {
            let holder = reservation.user_id.map(typed_id);
            holder.is_none_or(|holder| holder == buyer)
        });
        if let Some(own) = own.and_then(|own| own.holder())
            && let Some(order) = self.find(own).await?
            && order.buyer == buyer
            && order.can_be_paid(now)
        {
            return Ok(order);
        }
        self.measured.rejected();
        Err(PlaceError::Reserved)
    }

    /// The order, if it exists.
    pub(crate) async fn find(&self, id: Id<kind::Order>) -> Result<Option<Order>, StoreError> {
        let found = self.orders.documents().find_by_id(object_id(id)).await?;
        Ok(found.map(Order::from))
    }

    /// A buyer's orders in this order; one more than the page shows, if there are more.
    pub(crate) async fn list_of(
        &self,
        buyer: Id<kind::User>,
        sort: OrderSort,
        page: &PageRequest<Id<kind::Order>>,
    ) -> Result<Vec<Order>, StoreError> {
        // One index serves both, read from either end.
        let (direction, behind) = match sort {
            OrderSort::Oldest => (1, "$gt"),
            OrderSort::Newest => (-1, "$lt"),
        };
        let mut filter = doc! { "user_id": object_id(buyer) };
        if let Some(after) = page.after {
            filter.insert("_id", doc! { behind: object_id(after) });
        }
        let sorted = Find::matching(filter).sort(doc! { "_id": direction });
        let found = self.orders.documents().find(sorted.limit(page.fetch()));
        Ok(found.await?.into_iter().map(Order::from).collect())
    }

    /// Changes the order as it is now, again if it was changed meanwhile. Gives it as it is then, or `None` if there is no
    /// such order.
    ///
    /// A change to cancelled frees the ticket in the same transaction and is told of; other changes are not.
    pub(crate) async fn change<E: From<StoreError>>(
        &self,
        id: Id<kind::Order>,
        change: impl Fn(&Order) -> Result<Option<Order>, E> + Sync,
    ) -> Result<Option<Order>, E> {
        let change = &change;
        until_written(|| async move {
            let Some(order) = self.find(id).await? else {
                return Ok(Some(None));
            };
            let Some(changed) = change(&order)? else {
                return Ok(Some(Some(order)));
            };
            let written = if changed.status == OrderStatus::Cancelled {
                let (old, new) = (order, changed.clone());
                self.cancellation.run(Cancelled { old, new }).await?
            } else {
                self.replace(&order, &changed).await?
            };
            if !written {
                return Ok(None);
            }
            self.measured.changed(&changed);
            Ok(Some(Some(changed)))
        })
        .await
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
