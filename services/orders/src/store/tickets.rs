//! Replicas of tickets.

use common::Id;
use common::events::TicketState;
use common::id::kind;
use mongo::{Collection, Database, StoreError, apply_if_newer, object_id};

use super::document::TicketDocument;
use crate::domain::OrderedTicket;

/// A ticket by the newest that was told of it.
#[derive(Debug)]
pub(crate) struct Replica {
    /// As an order takes it.
    pub(crate) ticket: OrderedTicket,
    /// The order that holds it.
    pub(crate) holder: Option<Id<kind::Order>>,
    /// Whether its seller took it off sale.
    pub(crate) withdrawn: bool,
}

/// What the tickets service told of its tickets.
#[derive(Debug, Clone)]
pub(crate) struct TicketStore {
    tickets: Collection<TicketDocument>,
}

impl TicketStore {
    /// Opens the collection, which is only ever asked by id.
    pub(crate) fn open(database: &Database) -> Self {
        Self {
            tickets: database.collection("tickets"),
        }
    }

    /// The ticket, if it was told of.
    pub(crate) async fn find(&self, id: Id<kind::Ticket>) -> Result<Option<Replica>, StoreError> {
        let found = self.tickets.find_by_id(object_id(id)).await?;
        Ok(found.map(|stored| Replica {
            holder: stored.holder(),
            withdrawn: stored.is_withdrawn(),
            ticket: stored.into(),
        }))
    }

    /// Takes over what is told of a ticket, if it is newer than what was told before.
    pub(crate) async fn apply_if_newer(&self, ticket: &TicketState) -> Result<(), StoreError> {
        let replica = TicketDocument::from(ticket);
        apply_if_newer(&self.tickets, replica.version(), &replica).await
    }
}
