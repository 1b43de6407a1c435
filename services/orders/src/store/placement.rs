//! Places orders in batches: a batch is one transaction, with all orders requested during the previous batch.

use std::collections::{HashMap, HashSet};

use futures::FutureExt;
use futures::future::join_all;
use messaging::OutboxCollection;
use mongo::batching::Batched;
use mongo::{Collection, Database, StoreError, in_transaction};

use super::document::{OrderDocument, Reservation};
use crate::domain::Order;

/// Why an order was not placed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PlaceError {
    /// Another order holds the ticket. The message is part of the HTTP contract.
    #[error("Ticket is already reserved")]
    Reserved,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Outcome = Result<(), PlaceError>;

/// Writes new orders.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    pub(super) database: Database,
    pub(super) orders: OutboxCollection<OrderDocument>,
    pub(super) reservations: Collection<Reservation>,
}

impl Placement {
    pub(super) fn batched(self) -> Batched<Order, Outcome> {
        Batched::new(move |orders: Vec<Order>| {
            let this = self.clone();
            async move { this.place_all(&orders).await }
        })
    }

    /// Tries the first order for each ticket. If it succeeds, the other orders for that ticket are refused; if it
    /// fails, they fail alike.
    async fn place_all(&self, orders: &[Order]) -> Vec<Outcome> {
        let mut wanted = HashSet::new();
        let firsts: Vec<_> = orders
            .iter()
            .filter(|order| wanted.insert(order.ticket().id))
            .collect();
        let outcomes = self.place_each(&firsts).await;
        let tickets = firsts.iter().map(|order| order.ticket().id);
        let mut outcomes: HashMap<_, _> = tickets.zip(outcomes).collect();
        let outcomes = orders.iter().map(|order| {
            let outcome = outcomes.get_mut(&order.ticket().id);
            let outcome = outcome.expect("every wanted ticket has an outcome");
            let next = outcome.clone().and(Err(PlaceError::Reserved));
            std::mem::replace(outcome, next)
        });
        outcomes.collect()
    }

    /// Writes the orders in one transaction. If one of the tickets is reserved, the transaction aborts and each order
    /// is tried alone.
    async fn place_each(&self, orders: &[&Order]) -> Vec<Outcome> {
        match self.write(orders).await {
            Err(PlaceError::Reserved) if orders.len() > 1 => {
                let each = orders.chunks(1).map(|order| self.write(order));
                join_all(each).await
            }
            outcome => vec![outcome; orders.len()],
        }
    }

    /// Writes the orders with their reservations and events, or nothing.
    async fn write(&self, orders: &[&Order]) -> Outcome {
        let claims: Vec<_> = orders.iter().copied().map(Reservation::of).collect();
        let context = (self, orders, claims);
        let placed = in_transaction(&self.database, context, |session, context| {
            let (this, orders, claims) = context;
            async move {
                // First, so that a transaction that loses has written nothing else.
                match this.reservations.insert_many_in(session, claims).await {
                    Err(error) if error.is_duplicate_key() => return Ok(Err(PlaceError::Reserved)),
                    reserved => reserved?,
                }
                let stored = orders.iter().map(|order| ((*order).into(), order.event()));
                Ok(Ok(this.orders.insert_many_in(session, stored).await?))
            }
            .boxed()
        });
        for pending in placed.await?? {
            self.orders.committed(pending);
        }
        Ok(())
    }
}
