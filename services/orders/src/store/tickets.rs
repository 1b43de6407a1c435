//! Replicas of tickets.

use common::Id;
use common::events::TicketState;
use common::id::kind;
use mongo::{Collection, Database, StoreError, apply_if_newer, object_id};

use super::document::TicketDocument;
use crate::domain::OrderedTicket;

/// The newest state of a ticket that has arrived here.
#[derive(Debug)]
pub(crate) struct Replica {
    /// What an order copies of the ticket.
    pub(crate) ticket: OrderedTicket,
    /// The order that holds it.
    pub(crate) holder: Option<Id<kind::Order>>,
    /// Whether the seller took it off sale.
    pub(crate) withdrawn: bool,
}

/// The replicas of the tickets service's tickets.
#[derive(Debug, Clone)]
pub(crate) struct TicketStore {
    tickets: Collection<TicketDocument>,
}

impl TicketStore {
    /// Opens the collection. It needs no index, since every query is by id.
    pub(crate) fn open(database: &Database) -> Self {
        Self {
            tickets: database.collection("tickets"),
        }
    }

    /// The ticket, if an event about it has arrived.
    pub(crate) async fn find(&self, id: Id<kind::Ticket>) -> Result<Option<Replica>, StoreError> {
        let found = self.tickets.find_by_id(object_id(id)).await?;
        Ok(found.map(|stored| Replica {
            holder: stored.holder(),
            withdrawn: stored.is_withdrawn(),
            ticket: stored.into(),
        }))
    }

    /// Stores the state of a ticket, unless the stored one is as new.
    pub(crate) async fn apply_if_newer(&self, ticket: &TicketState) -> Result<(), StoreError> {
        let replica = TicketDocument::from(ticket);
        apply_if_newer(&self.tickets, replica.version(), &replica).await
    }
}
