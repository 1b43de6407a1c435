//! Orders hold and release tickets.

use common::events::OrderState;
use common::{Event, OrderStatus, Subject};
use messaging::{Failure, Handler};
use mongo::until_written;

use crate::domain::{HeldByAnotherOrder, Ticket};
use crate::store::TicketStore;

/// Handles `order:created` and `order:cancelled`.
#[derive(Debug)]
pub(crate) struct OrderEvents {
    tickets: TicketStore,
}

/// Why an order's event has to come again.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error("the ordered ticket does not exist here")]
    NoTicket,
    #[error(transparent)]
    Held(#[from] HeldByAnotherOrder),
}

impl From<NotNow> for Failure {
    fn from(reason: NotNow) -> Self {
        Self::Retry(reason.into())
    }
}

impl OrderEvents {
    /// What this consumer reads.
    pub(crate) const SUBJECTS: &[Subject] = &[Subject::OrderCreated, Subject::OrderCancelled];

    /// A consumer that writes to this store.
    pub(crate) const fn new(tickets: TicketStore) -> Self {
        Self { tickets }
    }

    async fn hold(&self, order: &OrderState) -> Result<(), Failure> {
        let is_paid = order.status == OrderStatus::Complete;
        until_written(|| async move {
            let ticket = self.ticket(order).await?;
            let written = match ticket.reserve(order.id, is_paid).map_err(NotNow::from)? {
                // The orders service does not know of the withdrawal, or did not when the order was placed.
                None if ticket.withdrawn => {
                    self.tickets.publish_again(&ticket).await?;
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
            let ticket = self.ticket(order).await?;
            let written = match ticket.release(order.id) {
                Some(released) => {
                    let released = self.tickets.release(&ticket, &released, order.id);
                    released.await?
                }
                None if ticket.released.contains(&order.id) => true,
                None => {
                    let remembered = self.tickets.remember_release(ticket.id, order.id);
                    remembered.await?
                }
            };
            Ok(written.then_some(()))
        })
        .await
    }

    async fn ticket(&self, order: &OrderState) -> Result<Ticket, Failure> {
        let found = self.tickets.find(order.ticket_id).await?;
        Ok(found.ok_or(NotNow::NoTicket)?)
    }
}

impl Handler for OrderEvents {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        match event {
            Event::OrderCreated(order) => self.hold(&order).await,
            Event::OrderCancelled(order) => self.release(&order).await,
            // Not among our subjects.
            _ => Ok(()),
        }
    }
}
