//! What the orders service does with the events of others: one durable consumer, one handler a source.

mod expirations;
mod payments;
mod tickets;

use base::Clock;
use common::id::kind;
use common::{Event, Id, Subject};
use messaging::{Failure, Handler};

use crate::store::{OrderStore, TicketStore};
use expirations::ExpirationEvents;
use payments::PaymentEvents;
use tickets::TicketEvents;

/// The service's queue group.
pub(crate) const QUEUE_GROUP: &str = "orders-service";

/// Hands each event to the handler of its source.
#[derive(Debug)]
pub(crate) struct Events {
    tickets: TicketEvents,
    payments: PaymentEvents,
    expirations: ExpirationEvents,
}

/// An event about an order that does not exist here.
///
/// Orders are made nowhere else, so this is lost data: tried again in case that comes back, and in the end a dead
/// letter.
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
        Subject::PaymentRefunded,
        Subject::ExpirationComplete,
    ];

    /// A consumer that writes to these stores.
    pub(crate) fn new(orders: OrderStore, tickets: TicketStore, clock: Clock) -> Self {
        Self {
            tickets: TicketEvents::new(orders.clone(), tickets),
            payments: PaymentEvents::new(orders.clone()),
            expirations: ExpirationEvents::new(orders, clock),
        }
    }
}

impl Handler for Events {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        match event {
            Event::TicketCreated(ticket) | Event::TicketUpdated(ticket) => {
                self.tickets.changed(&ticket).await
            }
            Event::PaymentCreated(payment) => self.payments.made(&payment).await,
            Event::PaymentRefunded(payment) => self.payments.refunded(&payment).await,
            Event::ExpirationComplete(expiration) => self.expirations.complete(&expiration).await,
            // Not among our subjects.
            _ => Ok(()),
        }
    }
}
