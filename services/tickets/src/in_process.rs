//! The service without HTTP and without a broker: its handlers and its consumer are called directly.
//!
//! The simulation runs whole fleets this way.

use axum::Json;
use axum::extract::State;
use common::api::auth::SessionView;
use common::api::tickets::{TicketDetails, TicketView};
use common::id::kind;
use common::{Event, Id};
use messaging::resync::Snapshot;
use messaging::{Failure, Handler, Publisher, Relay};
use mongo::{Database, StoreError};
use web::session::RequireUser;
use web::{ApiError, Authorized, NewId};

use crate::consumers::OrderEvents;
use crate::routes::{create, update, withdraw};
use crate::store::TicketStore;

/// A process of the service.
#[derive(Debug, Clone)]
pub struct Tickets {
    store: TicketStore,
}

impl Tickets {
    /// Starts a process on this database. `relay` publishes its events.
    pub async fn open<P: Publisher>(
        database: &Database,
        relay: &mut Relay<P>,
    ) -> Result<Self, StoreError> {
        let store = TicketStore::open(database, relay).await?;
        Ok(Self { store })
    }

    /// `POST /api/tickets`, under an idempotency key that was given this id. Can be repeated.
    pub async fn sell(
        &self,
        user: SessionView,
        id: NewId<kind::Ticket>,
        input: TicketDetails,
    ) -> Result<TicketView, ApiError> {
        let request = Authorized { user, input };
        let (.., Json(ticket)) = create::create(State(self.store.clone()), id, request).await?;
        Ok(ticket)
    }

    /// `DELETE /api/tickets/{id}`
    pub async fn withdraw(
        &self,
        user: SessionView,
        ticket: Id<kind::Ticket>,
    ) -> Result<(), ApiError> {
        let tickets = State(self.store.clone());
        withdraw::withdraw(tickets, RequireUser(user), ticket.into()).await?;
        Ok(())
    }

    /// `PUT /api/tickets/{id}`
    pub async fn edit(
        &self,
        user: SessionView,
        ticket: Id<kind::Ticket>,
        input: TicketDetails,
    ) -> Result<TicketView, ApiError> {
        let request = Authorized { user, input };
        let edited = update::update(State(self.store.clone()), ticket.into(), request);
        let (_, edited) = edited.await?;
        Ok(edited.0)
    }

    /// Handles an event from the broker.
    pub async fn handle(&self, event: Event) -> Result<(), Failure> {
        OrderEvents::new(self.store.clone()).handle(event).await
    }

    /// The events of all tickets.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }
}
