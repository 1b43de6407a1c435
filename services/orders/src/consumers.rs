//! What the orders service does with the events of others.

mod expirations;
mod payments;
mod tickets;

use common::id::kind;
use common::{Event, Id, Subject};
use service::Clock;
use service::messaging::{Failure, Handler};

use crate::store::{OrderStore, TicketStore};

/// The service's queue group.
pub(crate) const QUEUE_GROUP: &str = "orders-service";

/// Handles the events of tickets, payments and expirations.
#[derive(Debug)]
pub(crate) struct Events {
    orders: OrderStore,
    tickets: TicketStore,
    clock: Clock,
}

/// An event about an order that does not exist here.
#[derive(Debug, thiserror::Error)]
#[error("there is no order {0}")]
struct NoOrder(Id<kind::Order>);

impl From<NoOrder> for Failure {
    fn from(reason: NoOrder) -> Self {
        Self::Retry(reason.into())
    }
}

impl Events {
    /// What this consumer reads.
    pub(crate) const SUBJECTS: &[Subject] = &[
        Subject::TicketCreated,
        Subject::TicketUpdated,
        Subject::PaymentCreated,
        Subject::ExpirationComplete,
    ];

    /// A consumer that writes to these stores.
    pub(crate) const fn new(orders: OrderStore, tickets: TicketStore, clock: Clock) -> Self {
        Self {
            orders,
            tickets,
            clock,
        }
    }
}

impl Handler for Events {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        match event {
            Event::TicketCreated(ticket) | Event::TicketUpdated(ticket) => {
                self.ticket_changed(&ticket).await
            }
            Event::PaymentCreated(payment) => self.order_paid(&payment).await,
            Event::ExpirationComplete(expiration) => self.time_is_over(&expiration).await,
            // Not among our subjects.
            _ => Ok(()),
        }
    }
}
