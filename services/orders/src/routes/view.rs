//! The JSON form of an order.

use common::api::orders::{OrderView, OrderedTicketView};

use crate::domain::Order;

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        let (id, status, user_id) = (order.id(), order.status(), order.buyer());
        let (expires_at, version, reason) = (order.expires_at(), order.version(), order.reason());
        let ticket = order.into_ticket();
        Self {
            id,
            status,
            user_id,
            expires_at,
            version,
            reason,
            ticket: OrderedTicketView {
                id: ticket.id,
                title: ticket.title,
                price: ticket.price,
                version: ticket.version,
            },
        }
    }
}
