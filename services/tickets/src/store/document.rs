//! The stored form of a ticket.

use bson::oid::ObjectId;
use bson::{Document, doc};
use common::search_key::search_key;
use common::{Price, Title};
use mongo::{object_id, stored_version, typed_id};
use serde::{Deserialize, Serialize};

use crate::domain::{Availability, Ticket};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TicketDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    title: Title,
    /// The text that searches compare. It is missing in tickets of earlier releases until it is corrected.
    #[serde(default)]
    search_key: String,
    price_cents: i64,
    user_id: ObjectId,
    /// The holder, or null, so that the index finds the tickets for sale. A withdrawn ticket is stored with its own id
    /// as the holder: the same indexes skip it, and a release that does not know withdrawals takes it for reserved.
    order_id: Option<ObjectId>,
    #[serde(default)]
    released: Vec<ObjectId>,
    /// `true` while the ticket is withdrawn; `false` while a paid order holds it after whose release it is withdrawn
    /// again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn: Option<bool>,
    version: i64,
}

impl TicketDocument {
    /// The fields that a change may touch, except `released`.
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
        let id = object_id(ticket.id());
        let (order_id, withdrawn) = match ticket.availability() {
            Availability::ForSale => (None, None),
            Availability::Held {
                order,
                withdraw_on_release,
            } => (Some(object_id(order)), withdraw_on_release.then_some(false)),
            Availability::Withdrawn => (Some(id), Some(true)),
        };
        Self {
            id,
            title: ticket.title().clone(),
            search_key: search_key(ticket.title().as_str()),
            price_cents: ticket.price().cents(),
            user_id: object_id(ticket.seller()),
            order_id,
            released: ticket.released().iter().copied().map(object_id).collect(),
            withdrawn,
            version: stored_version(ticket.version()),
        }
    }
}

impl From<TicketDocument> for Ticket {
    fn from(stored: TicketDocument) -> Self {
        let availability = match stored.order_id {
            None => Availability::ForSale,
            Some(holder) if holder == stored.id => Availability::Withdrawn,
            Some(order) => Availability::Held {
                order: typed_id(order),
                withdraw_on_release: stored.withdrawn == Some(false),
            },
        };
        Self::restore(
            typed_id(stored.id),
            stored.title,
            Price::from_cents(stored.price_cents).expect("only valid prices are stored"),
            typed_id(stored.user_id),
            availability,
            stored.released.into_iter().map(typed_id).collect(),
            stored.version.unsigned_abs(),
        )
    }
}
