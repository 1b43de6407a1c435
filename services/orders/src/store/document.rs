//! The stored form of orders, tickets and reservations.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use common::events::{CancellationReason, TicketState};
use common::id::kind;
use common::{Id, OrderStatus, Price, Title};
use mongo::{from_date_time, object_id, stored_version, to_date_time, typed_id};
use serde::{Deserialize, Serialize};

use crate::domain::{Order, OrderedTicket};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OrderDocument {
    #[serde(rename = "_id")]
    pub(super) id: ObjectId,
    user_id: ObjectId,
    status: OrderStatus,
    expires_at: DateTime,
    ticket: OrderedTicketDocument,
    reason: Option<CancellationReason>,
    /// Whether the reason is `refunded`. Older releases could not read that in `reason`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    refunded: bool,
    version: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct OrderedTicketDocument {
    id: ObjectId,
    title: Title,
    price_cents: i64,
    version: i64,
}

/// A replica of a ticket. A withdrawn ticket is stored with its own id as the holder, as in the tickets service.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TicketDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    title: Title,
    price_cents: i64,
    user_id: ObjectId,
    order_id: Option<ObjectId>,
    version: i64,
}

/// The claim on a ticket. Each ticket with an active or paid order has one, and so has each withdrawn ticket.
#[derive(Debug, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are those of stored fields"
)]
pub(super) struct Reservation {
    /// The ticket's id.
    #[serde(rename = "_id")]
    pub(super) ticket_id: ObjectId,
    /// The order's id. For a withdrawn ticket this is the ticket's id, which keeps all orders out.
    pub(super) order_id: ObjectId,
    /// The order's buyer. Older releases do not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<ObjectId>,
}

impl Reservation {
    /// The claim that keeps all orders from a withdrawn ticket.
    pub(super) fn of_withdrawn(ticket: Id<kind::Ticket>) -> Self {
        Self {
            ticket_id: object_id(ticket),
            order_id: object_id(ticket),
            user_id: None,
        }
    }

    /// The order that holds the ticket; `None` if the ticket is withdrawn.
    pub(super) fn holder(&self) -> Option<Id<kind::Order>> {
        (self.order_id != self.ticket_id).then(|| typed_id(self.order_id))
    }

    /// The claim of an order.
    pub(super) fn of(order: &Order) -> Self {
        Self {
            ticket_id: object_id(order.ticket().id),
            order_id: object_id(order.id()),
            user_id: Some(object_id(order.buyer())),
        }
    }
}

fn price(cents: i64) -> Price {
    Price::from_cents(cents).expect("only valid prices are stored")
}

impl OrderDocument {
    /// The filter and the update that write `new`, provided that `old` is still the stored version.
    pub(super) fn replacement(old: &Order, new: &Order) -> (Document, Document) {
        let filter = doc! { "_id": object_id(old.id()), "version": stored_version(old.version()) };
        (filter, doc! { "$set": Self::changeable(new) })
    }

    /// The fields that a change may touch.
    fn changeable(order: &Order) -> Document {
        let (reason, refunded) = stored_reason(order);
        let mut fields = doc! {
            "status": order.status().as_str(),
            "reason": reason.map(CancellationReason::as_str),
            "version": stored_version(order.version()),
        };
        if refunded {
            fields.insert("refunded", true);
        }
        fields
    }
}

/// The fields `reason` and `refunded`.
fn stored_reason(order: &Order) -> (Option<CancellationReason>, bool) {
    let refunded = order.reason() == Some(CancellationReason::Refunded);
    (order.reason().filter(|_| !refunded), refunded)
}

impl From<&Order> for OrderDocument {
    fn from(order: &Order) -> Self {
        let (reason, refunded) = stored_reason(order);
        let ticket = order.ticket();
        Self {
            id: object_id(order.id()),
            user_id: object_id(order.buyer()),
            status: order.status(),
            expires_at: to_date_time(order.expires_at()),
            ticket: OrderedTicketDocument {
                id: object_id(ticket.id),
                title: ticket.title.clone(),
                price_cents: ticket.price.cents(),
                version: stored_version(ticket.version),
            },
            reason,
            refunded,
            version: stored_version(order.version()),
        }
    }
}

impl From<OrderDocument> for Order {
    fn from(stored: OrderDocument) -> Self {
        let refunded = stored.refunded.then_some(CancellationReason::Refunded);
        let ticket = OrderedTicket {
            id: typed_id(stored.ticket.id),
            title: stored.ticket.title,
            price: price(stored.ticket.price_cents),
            version: stored.ticket.version.unsigned_abs(),
        };
        Self::restore(
            typed_id(stored.id),
            typed_id(stored.user_id),
            stored.status,
            from_date_time(stored.expires_at),
            ticket,
            refunded.or(stored.reason),
            stored.version.unsigned_abs(),
        )
    }
}

impl TicketDocument {
    /// The order that holds the ticket.
    pub(super) fn holder(&self) -> Option<Id<kind::Order>> {
        let holder = self.order_id.filter(|_| !self.is_withdrawn());
        holder.map(typed_id)
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.order_id == Some(self.id)
    }

    pub(super) const fn version(&self) -> i64 {
        self.version
    }
}

impl From<&TicketState> for TicketDocument {
    fn from(ticket: &TicketState) -> Self {
        let id = object_id(ticket.id);
        Self {
            id,
            title: ticket.title.clone(),
            price_cents: ticket.price.cents(),
            user_id: object_id(ticket.user_id),
            order_id: if ticket.withdrawn {
                Some(id)
            } else {
                ticket.order_id.map(object_id)
            },
            version: stored_version(ticket.version),
        }
    }
}

impl From<TicketDocument> for OrderedTicket {
    fn from(stored: TicketDocument) -> Self {
        Self {
            id: typed_id(stored.id),
            title: stored.title,
            price: price(stored.price_cents),
            version: stored.version.unsigned_abs(),
        }
    }
}
