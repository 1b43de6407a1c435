//! Cancels orders in batches: a batch is one transaction, with all cancellations requested during the previous batch.

use bson::{Document, doc};
use futures::FutureExt;
use futures::future::join_all;
use messaging::OutboxCollection;
use mongo::batching::Batched;
use mongo::{Collection, Database, StoreError, in_transaction, object_id};

use super::document::{OrderDocument, Reservation};
use crate::domain::Order;

/// An order as it was read, and the cancelled order that replaces it.
#[derive(Debug)]
pub(super) struct Cancelled {
    pub(super) old: Order,
    pub(super) new: Order,
}

/// Whether the order was cancelled; `false` if it changed after it was read.
type Outcome = Result<bool, StoreError>;

/// One of the orders changed after it was read.
struct Changed;

/// Cancels orders and frees their tickets.
#[derive(Debug, Clone)]
pub(super) struct Cancellation {
    pub(super) database: Database,
    pub(super) orders: OutboxCollection<OrderDocument>,
    pub(super) reservations: Collection<Reservation>,
}

impl Cancellation {
    pub(super) fn batched(self) -> Batched<Cancelled, Outcome> {
        Batched::new(move |orders: Vec<Cancelled>| {
            let this = self.clone();
            async move { this.cancel_all(&orders).await }
        })
    }

    /// Cancels the orders in one transaction. If one of them changed, the transaction aborts and each order is tried
    /// alone.
    async fn cancel_all(&self, orders: &[Cancelled]) -> Vec<Outcome> {
        match self.write(orders).await {
            Ok(false) if orders.len() > 1 => {
                let each = orders.chunks(1).map(|order| self.write(order));
                join_all(each).await
            }
            outcome => vec![outcome; orders.len()],
        }
    }

    /// Deletes the reservations of all these orders and writes the orders with their events, or does nothing.
    async fn write(&self, orders: &[Cancelled]) -> Outcome {
        let context = (self, orders);
        let cancelled = in_transaction(&self.database, context, |session, (this, orders)| {
            async move {
                let released = this.reservations.delete_many_in(session, claims(orders));
                released.await?;
                let changes = orders.iter().map(|Cancelled { old, new }| {
                    let (filter, update) = OrderDocument::replacement(old, new);
                    (filter, update, new.event())
                });
                let cancelled = this.orders.update_many_in(session, changes).await?;
                Ok(cancelled.ok_or(Changed))
            }
            .boxed()
        });
        match cancelled.await? {
            Ok(cancelled) => {
                for pending in cancelled {
                    self.orders.committed(pending);
                }
                Ok(true)
            }
            Err(Changed) => Ok(false),
        }
    }
}

/// Matches the reservations of these orders. An order reserves only its own ticket, so the two lists match no other
/// pair.
fn claims(orders: &[Cancelled]) -> Document {
    let (tickets, orders): (Vec<_>, Vec<_>) = orders
        .iter()
        .map(|order| (object_id(order.old.ticket().id), object_id(order.old.id())))
        .unzip();
    doc! { "_id": { "$in": tickets }, "order_id": { "$in": orders } }
}
