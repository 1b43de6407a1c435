//! The service without its sockets: what its routes and its consumer do, for the saga's simulation.

use axum::Json;
use axum::extract::State;
use common::api::auth::SessionView;
use common::api::tickets::{TicketDetails, TicketView};
use common::id::kind;
use common::{Event, Id};
use messaging::resync::Snapshot;
use messaging::{Failure, Handler, Publisher, Relay};
use mongo::{Database, StoreError};
use web::ApiError;
use web::session::RequireUser;
use web::{Authorized, NewId};

use crate::consumers::OrderEvents;
use crate::routes::{create, update, withdraw};
use crate::store::TicketStore;

/// A process of the service.
#[derive(Debug, Clone)]
pub struct Tickets {
    store: TicketStore,
}

impl Tickets {
    /// The service on this database, its events published by this relay.
    pub async fn open<P: Publisher>(
        database: &Database,
        relay: &mut Relay<P>,
    ) -> Result<Self, StoreError> {
        let store = TicketStore::open(database, relay).await?;
        Ok(Self { store })
    }

    /// `POST /api/tickets`, as often as it takes, under a key to which this id was given.
    pub async fn sell(
        &self,
        user: SessionView,
        id: NewId<kind::Ticket>,
        input: TicketDetails,
    ) -> Result<TicketView, ApiError> {
        let wish = Authorized { user, input };
        let (.., Json(ticket)) = create::create(State(self.store.clone()), id, wish).await?;
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
        let wish = Authorized { user, input };
        let edited = update::update(State(self.store.clone()), ticket.into(), wish);
        let (_, edited) = edited.await?;
        Ok(edited.0)
    }

    /// An event from the broker.
    pub async fn handle(&self, event: Event) -> Result<(), Failure> {
        OrderEvents::new(self.store.clone()).handle(event).await
    }

    /// The state of every ticket.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }
}
