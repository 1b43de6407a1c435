//! The service without HTTP and without a broker: its handlers and its consumer are called directly.
//!
//! The simulation runs whole fleets this way.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use base::Clock;
use common::api::auth::SessionView;
use common::api::orders::{OrderView, PlaceOrder};
use common::id::kind;
use common::{Event, Id, Price};
use messaging::resync::Snapshot;
use messaging::{Failure, Handler, Publisher, Relay};
use mongo::{Database, StoreError};
use web::replica_waits::ReplicaWaits;
use web::session::RequireUser;
use web::{ApiError, Authorized, NewId};

use crate::consumers::Events;
use crate::routes::{cancel, create};
use crate::state::Expiration;
use crate::store::{OrderStore, TicketStore};

/// A process of the service.
#[derive(Debug, Clone)]
pub struct Orders {
    store: OrderStore,
    tickets: TicketStore,
    waits: ReplicaWaits,
    clock: Clock,
    expiration: Duration,
}

impl Orders {
    /// Starts a process on this database. `relay` publishes its events; its orders can be paid for `expiration`.
    pub async fn open<P: Publisher>(
        database: &Database,
        relay: &mut Relay<P>,
        clock: Clock,
        expiration: Duration,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            store: OrderStore::open(database, relay).await?,
            tickets: TicketStore::open(database),
            waits: ReplicaWaits::default(),
            clock,
            expiration,
        })
    }

    /// `POST /api/orders`
    pub async fn place(
        &self,
        user: SessionView,
        ticket: Id<kind::Ticket>,
        price: Option<Price>,
    ) -> Result<OrderView, ApiError> {
        let input = PlaceOrder {
            ticket_id: Some(ticket),
            price,
        };
        let placed = create::create(
            State(self.store.clone()),
            State(self.tickets.clone()),
            State(self.waits.clone()),
            State(self.clock.clone()),
            State(Expiration(self.expiration)),
            NewId::fresh(),
            Authorized { user, input },
        );
        let (_, Json(order)) = placed.await?;
        Ok(order)
    }

    /// `DELETE /api/orders/{id}`
    pub async fn cancel(&self, user: SessionView, order: Id<kind::Order>) -> Result<(), ApiError> {
        let orders = State(self.store.clone());
        cancel::cancel(orders, RequireUser(user), order.into()).await?;
        Ok(())
    }

    /// Handles an event from the broker.
    pub async fn handle(&self, event: Event) -> Result<(), Failure> {
        let (orders, tickets) = (self.store.clone(), self.tickets.clone());
        let events = Events::new(orders, tickets, self.clock.clone());
        events.handle(event).await
    }

    /// The events of all orders.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }
}
