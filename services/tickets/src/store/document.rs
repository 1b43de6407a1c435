//! A ticket as it is stored.

use bson::oid::ObjectId;
use bson::{Document, doc};
use common::search_key::search_key;
use common::{Price, Title};
use mongo::{object_id, stored_version, typed_id};
use serde::{Deserialize, Serialize};

use crate::domain::Ticket;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TicketDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    title: Title,
    /// What searches compare. Tickets of earlier releases lack it until [`super::search_keys`] adds it.
    #[serde(default)]
    search_key: String,
    price_cents: i64,
    user_id: ObjectId,
    /// Written as null when nobody holds the ticket, so that the index finds what is for sale. A withdrawn ticket is stored
    /// as held by itself: the same indexes skip it, and a release that does not know withdrawals takes it for reserved.
    order_id: Option<ObjectId>,
    #[serde(default)]
    released: Vec<ObjectId>,
    /// True while it is withdrawn; false while an order that was paid before holds it, after which it is withdrawn again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn: Option<bool>,
    version: i64,
}

impl TicketDocument {
    /// The fields that a change may touch, but for the memory of released orders.
    pub(super) fn changeable(&self) -> Document {
        doc! {
            "title": self.title.as_str(),
            "search_key": self.search_key.as_str(),
            "price_cents": self.price_cents,
            "order_id": self.order_id,
            "withdrawn": self.withdrawn,
            "version": self.version,
        }
    }
}

impl From<&Ticket> for TicketDocument {
    fn from(ticket: &Ticket) -> Self {
        Self {
            id: object_id(ticket.id),
            title: ticket.title.clone(),
            search_key: search_key(ticket.title.as_str()),
            price_cents: ticket.price.cents(),
            user_id: object_id(ticket.seller),
            order_id: if ticket.withdrawn {
                Some(object_id(ticket.id))
            } else {
                ticket.order.map(object_id)
            },
            released: ticket.released.iter().copied().map(object_id).collect(),
            withdrawn: match (ticket.withdrawn, ticket.withdrawn_once_free) {
                (true, _) => Some(true),
                (false, true) => Some(false),
                (false, false) => None,
            },
            version: stored_version(ticket.version),
        }
    }
}

impl From<TicketDocument> for Ticket {
    fn from(stored: TicketDocument) -> Self {
        Self {
            id: typed_id(stored.id),
            title: stored.title,
            price: Price::from_cents(stored.price_cents).expect("only valid prices are stored"),
            seller: typed_id(stored.user_id),
            order: stored
                .order_id
                .filter(|holder| *holder != stored.id)
                .map(typed_id),
            withdrawn: stored.order_id == Some(stored.id),
            withdrawn_once_free: stored.withdrawn == Some(false),
            released: stored.released.into_iter().map(typed_id).collect(),
            version: stored.version.unsigned_abs(),
        }
    }
}
