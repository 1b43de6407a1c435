//! What islands know of tickets and orders, and what is new about them.

use common::OrderStatus;
use common::events::CancellationReason;
use serde::{Deserialize, Serialize};

use super::money::cents;

/// A ticket, as an island is given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketItem {
    /// Its id.
    pub id: String,
    /// What is for sale.
    pub title: String,
    /// Cents.
    pub price: i64,
    /// Grows with every change.
    pub version: u64,
    /// The order that holds it, if one does.
    pub order: Option<String>,
}

/// Who looks at a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Viewer {
    /// Somebody who is not signed in.
    Anonymous,
    /// Somebody who could buy it.
    Shopper,
    /// Who sells it.
    Seller,
}

/// An order, as an island is given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// Its id.
    pub id: String,
    /// The ticket's id.
    pub ticket: String,
    /// What is ordered.
    pub title: String,
    /// Cents.
    pub price: i64,
    /// Until when it can be paid, in milliseconds since 1970.
    pub expires_at: i64,
    /// Where it stands.
    pub state: OrderState,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// The stage.
    pub status: OrderStatus,
    /// Why it was cancelled, if it was.
    #[serde(default)]
    pub reason: Option<CancellationReason>,
    /// Grows with every change.
    pub version: u64,
}

/// What the stream of tickets says of one; the rest of what it says is of no use here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TicketNews {
    id: String,
    title: String,
    price: f64,
    version: u64,
    #[serde(default)]
    order_id: Option<String>,
}

impl TicketItem {
    /// The ticket that the stream tells of.
    pub(super) fn from_news(json: &str) -> Option<Self> {
        let news: TicketNews = serde_json::from_str(json).ok()?;
        Some(Self {
            id: news.id,
            title: news.title,
            price: cents(news.price),
            version: news.version,
            order: news.order_id,
        })
    }
}

#[cfg(feature = "ssr")]
mod from_api {
    use common::api::orders::OrderView;
    use common::api::tickets::TicketView;

    use super::{OrderItem, OrderState, TicketItem};

    impl From<TicketView> for TicketItem {
        fn from(ticket: TicketView) -> Self {
            Self {
                id: ticket.id.to_string(),
                title: ticket.title.to_string(),
                price: ticket.price.cents(),
                version: ticket.version,
                order: ticket.order_id.map(|order| order.to_string()),
            }
        }
    }

    impl From<OrderView> for OrderItem {
        fn from(order: OrderView) -> Self {
            Self {
                id: order.id.to_string(),
                ticket: order.ticket.id.to_string(),
                title: order.ticket.title.to_string(),
                price: order.ticket.price.cents(),
                expires_at: order.expires_at.milliseconds(),
                state: OrderState {
                    status: order.status,
                    reason: order.reason,
                    version: order.version,
                },
            }
        }
    }
}
