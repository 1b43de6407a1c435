//! Replicates tickets. A ticket's reservation confirms its order; a ticket's withdrawal cancels it.

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

    /// Updates the replica first and the order second. Both steps are idempotent: after a crash between them, the event
    /// is redelivered and the second step still happens.
    pub(super) async fn apply(&self, ticket: &TicketState) -> Result<(), Failure> {
        self.tickets.apply_if_newer(ticket).await?;
        if ticket.withdrawn {
            return self.withdraw(ticket.id).await;
        }
        match ticket.order_id {
            Some(order) => self.confirm(ticket.id, order).await,
            None => Ok(()),
        }
    }

    /// Cancels the order of a withdrawn ticket, unless it is paid. A paid order is published again; the tickets service
    /// then reserves the ticket for it.
    async fn withdraw(&self, ticket: Id<kind::Ticket>) -> Result<(), Failure> {
        if let Some(paid) = self.orders.withdraw::<Failure>(ticket).await? {
            self.orders.republish(&paid).await?;
        }
        Ok(())
    }

    async fn confirm(
        &self,
        ticket: Id<kind::Ticket>,
        order: Id<kind::Order>,
    ) -> Result<(), Failure> {
        let confirmed = self
            .orders
            .change::<Failure>(order, |order| Ok(order.confirm()))
            .await?;
        match confirmed {
            Some(order) if order.status() == OrderStatus::Cancelled => {
                self.republish_cancellation(ticket, &order).await
            }
            // The order is unknown, or needs nothing more.
            _ => Ok(()),
        }
    }

    /// Frees a ticket that a cancelled order holds: the tickets service received the order's cancellation before its
    /// creation. The event at hand may be old, so the replica decides whether the order still holds the ticket.
    async fn republish_cancellation(
        &self,
        ticket: Id<kind::Ticket>,
        cancelled: &Order,
    ) -> Result<(), Failure> {
        let newest = self.tickets.find(ticket).await?;
        if newest.is_some_and(|newest| newest.holder == Some(cancelled.id())) {
            self.orders.republish(cancelled).await?;
        }
        Ok(())
    }
}
