//! An order as the API answers it.

use common::api::orders::{OrderView, OrderedTicketView};

use crate::domain::Order;

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        Self {
            id: order.id,
            status: order.status,
            user_id: order.buyer,
            expires_at: order.expires_at,
            version: order.version,
            reason: order.reason,
            ticket: OrderedTicketView {
                id: order.ticket.id,
                title: order.ticket.title,
                price: order.ticket.price,
                version: order.ticket.version,
            },
        }
    }
}
