//! Tickets are replicated; their reservations confirm orders.

use common::OrderStatus;
use common::events::TicketState;
use service::messaging::Failure;

use super::Events;

impl Events {
    pub(super) async fn ticket_changed(&self, ticket: &TicketState) -> Result<(), Failure> {
        self.tickets.apply_if_newer(ticket).await?;
        let Some(order) = ticket.order_id else {
            return Ok(());
        };
        let confirmed = self
            .orders
            .change::<Failure>(order, |order| Ok(order.confirm()))
            .await?;
        match confirmed {
            // The cancellation and the creation of the order reached tickets in the wrong order: told again, the
            // cancellation frees the ticket. Told in vain, it changes nothing.
            Some(order) if order.status == OrderStatus::Cancelled => {
                Ok(self.orders.tell_again(&order).await?)
            }
            // An order that is not ours, or needs nothing.
            _ => Ok(()),
        }
    }
}
