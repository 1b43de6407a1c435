//! Orders and their reservations.

use std::time::Duration;

use bson::doc;
use common::api::orders::OrderSort;
use common::id::kind;
use common::{Id, OrderStatus, Timestamp};
use messaging::resync::{Snapshot, snapshot_of};
use messaging::{OutboxCollection, Publisher, Relay};
use mongo::batching::Batched;
use mongo::{Collection, Database, Find, StoreError, object_id, typed_id, until_written};
use mongodb::IndexModel;
use web::PageRequest;
use web::replica_waits::find_within;

use super::cancellation::{Cancellation, Cancelled};
use super::document::{OrderDocument, Reservation};
use super::placement::{PlaceError, Placement};
use crate::domain::Order;
use crate::metrics::OrderMetrics;

/// How long to look for the reservation that made an order fail. It may not have reached a majority of the replica set
/// yet, or may have been released meanwhile.
const RESERVATION_WAIT: Duration = Duration::from_millis(500);

/// Orders, and the reservations that allow a ticket at most one active or paid order.
#[derive(Debug, Clone)]
pub(crate) struct OrderStore {
    orders: OutboxCollection<OrderDocument>,
    reservations: Collection<Reservation>,
    placement: Batched<Order, Result<(), PlaceError>>,
    cancellation: Batched<Cancelled, Result<bool, StoreError>>,
    metrics: OrderMetrics,
}

impl OrderStore {
    /// Opens the collections and creates their indexes.
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
            metrics: OrderMetrics::new(&database.metrics()),
        };
        let by_buyer = IndexModel::builder()
            .keys(doc! { "user_id": 1, "_id": -1 })
            .build();
        store.orders.documents().create_indexes([by_buyer]).await?;
        Ok(store)
    }

    /// Takes a ticket off sale: reserves it for good, so that no order can, after cancelling the order that holds it.
    /// If that order is paid, it stands and is returned instead.
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
            // An unpaid order is cancelled by now; the next attempt reserves the ticket.
            let paid = order.filter(|order| order.status() == OrderStatus::Complete);
            Ok(paid.map(Some))
        })
        .await
    }

    /// Writes a new order with its reservation and event, or nothing. If an unpaid order of the same buyer holds the
    /// ticket already, returns that order: the response to an earlier request was lost, or the response to the commit
    /// of this one.
    pub(crate) async fn place(&self, order: Order, now: Timestamp) -> Result<Order, PlaceError> {
        match self.placement.run(order.clone()).await {
            Err(PlaceError::Reserved) => {
                let ticket = object_id(order.ticket().id);
                let reservation =
                    find_within(RESERVATION_WAIT, || self.reservations.find_by_id(ticket));
                let held = self
                    .payable_order(reservation.await?, order.buyer(), now)
                    .await?;
                if held.id() == order.id() {
                    self.metrics.placed();
                }
                Ok(held)
            }
            placed => {
                placed?;
                self.metrics.placed();
                Ok(order)
            }
        }
    }

    /// The order that holds the ticket, or `None`. Fails if it is paid, expired, or another buyer's.
    pub(crate) async fn find_held(
        &self,
        ticket: Id<kind::Ticket>,
        buyer: Id<kind::User>,
        now: Timestamp,
    ) -> Result<Option<Order>, PlaceError> {
        match self.reservations.find_by_id(object_id(ticket)).await? {
            None => Ok(None),
            reservation => self.payable_order(reservation, buyer, now).await.map(Some),
        }
    }

    /// The order of this reservation, if it is this buyer's and can still be paid. Orders of other buyers are not read.
    async fn payable_order(
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
            && order.buyer() == buyer
            && order.can_be_paid(now)
        {
            return Ok(order);
        }
        self.metrics.rejected();
        Err(PlaceError::Reserved)
    }

    /// The order, if it exists.
    pub(crate) async fn find(&self, id: Id<kind::Order>) -> Result<Option<Order>, StoreError> {
        let found = self.orders.documents().find_by_id(object_id(id)).await?;
        Ok(found.map(Order::from))
    }

    /// A buyer's orders for a page, sorted by age, and one more if the page is not the last.
    pub(crate) async fn list_of(
        &self,
        buyer: Id<kind::User>,
        sort: OrderSort,
        page: &PageRequest<Id<kind::Order>>,
    ) -> Result<Vec<Order>, StoreError> {
        // The same index serves both, read in either direction.
        let (direction, beyond) = match sort {
            OrderSort::Oldest => (1, "$gt"),
            OrderSort::Newest => (-1, "$lt"),
        };
        let mut filter = doc! { "user_id": object_id(buyer) };
        if let Some(after) = page.after {
            filter.insert("_id", doc! { beyond: object_id(after) });
        }
        let sorted = Find::matching(filter).sort(doc! { "_id": direction });
        let found = self.orders.documents().find(sorted.limit(page.fetch()));
        Ok(found.await?.into_iter().map(Order::from).collect())
    }

    /// Applies `change` to the order, again if another change was written first. Returns the order in its new state, or
    /// as it was if `change` returned `None`; `None` if there is no such order.
    ///
    /// A cancellation frees the ticket in the same transaction.
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
            let written = if changed.status() == OrderStatus::Cancelled {
                let (old, new) = (order, changed.clone());
                self.cancellation.run(Cancelled { old, new }).await?
            } else {
                let (filter, update) = OrderDocument::replacement(&order, &changed);
                let event = changed.change_event();
                self.orders.update(filter, update, event.as_slice()).await?
            };
            if !written {
                return Ok(None);
            }
            self.metrics.changed(&changed);
            Ok(Some(Some(changed)))
        })
        .await
    }

    /// Publishes the state of the order once more, unless the order changed after it was read.
    pub(crate) async fn republish(&self, order: &Order) -> Result<(), StoreError> {
        let (filter, unchanged) = OrderDocument::replacement(order, order);
        self.orders
            .update(filter, unchanged, &[order.event()])
            .await?;
        Ok(())
    }

    /// The events of all orders, for re-emission.
    pub(crate) fn snapshot(&self) -> Snapshot {
        snapshot_of(self.orders.documents(), |stored| {
            Some(Order::from(stored).event())
        })
    }
}
