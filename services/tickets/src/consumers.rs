//! Handles the events of other services, all in one durable consumer: orders hold and release tickets.

use common::events::OrderState;
use common::{Event, OrderStatus, Subject};
use messaging::{Failure, Handler};
use mongo::until_written;

use crate::domain::{HeldByAnotherOrder, Ticket};
use crate::store::TicketStore;

/// The service's queue group.
pub(crate) const QUEUE_GROUP: &str = "tickets-service";

/// Handles `order:created` and `order:cancelled`.
#[derive(Debug)]
pub(crate) struct OrderEvents {
    tickets: TicketStore,
}

/// Why an event must be retried.
#[derive(Debug, thiserror::Error)]
enum RetryReason {
    #[error("the ordered ticket does not exist here")]
    UnknownTicket,
    #[error(transparent)]
    Held(#[from] HeldByAnotherOrder),
}

impl From<RetryReason> for Failure {
    fn from(reason: RetryReason) -> Self {
        Self::Retry(reason.into())
    }
}

impl OrderEvents {
    /// The subjects of the events that this consumer receives.
    pub(crate) const SUBJECTS: &[Subject] = &[Subject::OrderCreated, Subject::OrderCancelled];

    /// Creates a handler that writes to this store.
    pub(crate) const fn new(tickets: TicketStore) -> Self {
        Self { tickets }
    }

    async fn hold(&self, order: &OrderState) -> Result<(), Failure> {
        let is_paid = order.status == OrderStatus::Complete;
        until_written(|| async move {
            let ticket = self.find_ticket(order).await?;
            let reserved = ticket.reserve(order.id, is_paid);
            let written = match reserved.map_err(RetryReason::from)? {
                // The orders service did not know of the withdrawal when the order was placed.
                None if ticket.is_withdrawn() => {
                    self.tickets.republish(&ticket).await?;
                    true
                }
                None => true,
                Some(held) => self.tickets.hold(&ticket, &held, order.id).await?,
            };
            Ok(written.then_some(()))
        })
        .await
    }

    async fn release(&self, order: &OrderState) -> Result<(), Failure> {
        until_written(|| async move {
            let ticket = self.find_ticket(order).await?;
            let written = match ticket.release(order.id) {
                Some(released) => {
                    let released = self.tickets.release(&ticket, &released, order.id);
                    released.await?
                }
                None if ticket.released().contains(&order.id) => true,
                None => {
                    let remembered = self.tickets.remember_release(ticket.id(), order.id);
                    remembered.await?
                }
            };
            Ok(written.then_some(()))
        })
        .await
    }

    async fn find_ticket(&self, order: &OrderState) -> Result<Ticket, Failure> {
        let found = self.tickets.find(order.ticket_id).await?;
        Ok(found.ok_or(RetryReason::UnknownTicket)?)
    }
}

impl Handler for OrderEvents {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        match event {
            Event::OrderCreated(order) => self.hold(&order).await,
            Event::OrderCancelled(order) => self.release(&order).await,
            // Not among the subjects.
            _ => Ok(()),
        }
    }
}
