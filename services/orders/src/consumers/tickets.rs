//! Tickets are replicated; their reservations confirm orders, and their withdrawals cancel them.

use common::events::TicketState;
use common::id::kind;
use common::{Id, OrderStatus};
use messaging::Failure;

use crate::domain::Order;
use crate::store::{OrderStore, TicketStore};

/// Handles `ticket:created` and `ticket:updated`.
#[derive(Debug)]
pub(super) struct TicketEvents {
    orders: OrderStore,
    tickets: TicketStore,
}

impl TicketEvents {
    pub(super) const fn new(orders: OrderStore, tickets: TicketStore) -> Self {
        Self { orders, tickets }
    }

    /// First the replica, then the order, each idempotent: after a crash between them the event comes again, finds the
    /// replica done and still brings the order on.
    pub(super) async fn changed(&self, ticket: &TicketState) -> Result<(), Failure> {
        self.tickets.apply_if_newer(ticket).await?;
        if ticket.withdrawn {
            return self.withdrawn(ticket.id).await;
        }
        match ticket.order_id {
            Some(order) => self.reserved(ticket.id, order).await,
            None => Ok(()),
        }
    }

    /// No order of a withdrawn ticket may live, unless it was paid before: that one is published again, and the tickets
    /// service gives it the ticket.
    async fn withdrawn(&self, ticket: Id<kind::Ticket>) -> Result<(), Failure> {
        if let Some(paid) = self.orders.withdraw::<Failure>(ticket).await? {
            self.orders.tell_again(&paid).await?;
        }
        Ok(())
    }

    async fn reserved(
        &self,
        ticket: Id<kind::Ticket>,
        order: Id<kind::Order>,
    ) -> Result<(), Failure> {
        let confirmed = self
            .orders
            .change::<Failure>(order, |order| Ok(order.confirm()))
            .await?;
        match confirmed {
            Some(order) if order.status == OrderStatus::Cancelled => {
                self.release_again(ticket, &order).await
            }
            // An order that is not ours, or needs nothing.
            _ => Ok(()),
        }
    }

    /// The cancellation and the creation of the order reached tickets in the wrong order: told again, the cancellation
    /// frees the ticket. An old event says nothing of that; the newest state of the ticket does.
    async fn release_again(
        &self,
        ticket: Id<kind::Ticket>,
        cancelled: &Order,
    ) -> Result<(), Failure> {
        let newest = self.tickets.find(ticket).await?;
        if newest.is_some_and(|newest| newest.holder == Some(cancelled.id)) {
            self.orders.tell_again(cancelled).await?;
        }
        Ok(())
    }
}
