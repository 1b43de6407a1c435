//! A ticket as the API answers it.

use common::api::tickets::TicketView;

use crate::domain::Ticket;

impl From<Ticket> for TicketView {
    fn from(ticket: Ticket) -> Self {
        Self {
            id: ticket.id,
            title: ticket.title,
            price: ticket.price,
            user_id: ticket.seller,
            order_id: ticket.order,
            version: ticket.version,
            withdrawn: ticket.withdrawn,
        }
    }
}
