//! The JSON form of a ticket.

use common::api::tickets::TicketView;

use crate::domain::Ticket;

impl From<Ticket> for TicketView {
    fn from(ticket: Ticket) -> Self {
        ticket.into_state().into()
    }
}
