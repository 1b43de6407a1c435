//! Orders and tickets as they are stored.

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
    /// Whether it was cancelled since its money went back. Older releases know two reasons, and read an order without.
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

/// A ticket as the tickets service told of it. A withdrawn one is held by itself, as in that service's own database.
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

/// The claim on a ticket: there is one for each ticket with an active or a paid order, and for each that was withdrawn.
#[derive(Debug, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are those of stored fields"
)]
pub(super) struct Reservation {
    /// The ticket's id.
    #[serde(rename = "_id")]
    pub(super) ticket_id: ObjectId,
    /// The order's id; the ticket's own if it was withdrawn, so that no order can have it.
    pub(super) order_id: ObjectId,
    /// The order's buyer; absent in what older releases wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<ObjectId>,
}

impl Reservation {
    /// The claim that keeps every order from a withdrawn ticket.
    pub(super) fn of_withdrawn(ticket: Id<kind::Ticket>) -> Self {
        Self {
            ticket_id: object_id(ticket),
            order_id: object_id(ticket),
            user_id: None,
        }
    }

    /// The order that holds the ticket, if it was not withdrawn.
    pub(super) fn holder(&self) -> Option<Id<kind::Order>> {
        (self.order_id != self.ticket_id).then(|| typed_id(self.order_id))
    }

    /// The order's claim.
    pub(super) fn of(order: &Order) -> Self {
        Self {
            ticket_id: object_id(order.ticket.id),
            order_id: object_id(order.id),
            user_id: Some(object_id(order.buyer)),
        }
    }
}

fn price(cents: i64) -> Price {
    Price::from_cents(cents).expect("only valid prices are stored")
}

impl OrderDocument {
    /// The fields that a change may touch.
    pub(super) fn changeable(order: &Order) -> Document {
        let (reason, refunded) = stored_reason(order);
        let mut fields = doc! {
            "status": order.status.as_str(),
            "reason": reason.map(CancellationReason::as_str),
            "version": stored_version(order.version),
        };
        if refunded {
            fields.insert("refunded", true);
        }
        fields
    }
}

/// A reason that older releases know, and whether the order was refunded.
fn stored_reason(order: &Order) -> (Option<CancellationReason>, bool) {
    let refunded = order.reason == Some(CancellationReason::Refunded);
    (order.reason.filter(|_| !refunded), refunded)
}

impl From<&Order> for OrderDocument {
    fn from(order: &Order) -> Self {
        let (reason, refunded) = stored_reason(order);
        Self {
            id: object_id(order.id),
            user_id: object_id(order.buyer),
            status: order.status,
            expires_at: to_date_time(order.expires_at),
            ticket: OrderedTicketDocument {
                id: object_id(order.ticket.id),
                title: order.ticket.title.clone(),
                price_cents: order.ticket.price.cents(),
                version: stored_version(order.ticket.version),
            },
            reason,
            refunded,
            version: stored_version(order.version),
        }
    }
}

impl From<OrderDocument> for Order {
    fn from(stored: OrderDocument) -> Self {
        let refunded = stored.refunded.then_some(CancellationReason::Refunded);
        Self {
            id: typed_id(stored.id),
            buyer: typed_id(stored.user_id),
            status: stored.status,
            expires_at: from_date_time(stored.expires_at),
            ticket: OrderedTicket {
                id: typed_id(stored.ticket.id),
                title: stored.ticket.title,
                price: price(stored.ticket.price_cents),
                version: stored.ticket.version.unsigned_abs(),
            },
            reason: refunded.or(stored.reason),
            version: stored.version.unsigned_abs(),
        }
    }
}

impl TicketDocument {
    /// The order that holds it.
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
    fn from(told: &TicketState) -> Self {
        Self {
            id: object_id(told.id),
            title: told.title.clone(),
            price_cents: told.price.cents(),
            user_id: object_id(told.user_id),
            order_id: if told.withdrawn {
                Some(object_id(told.id))
            } else {
                told.order_id.map(object_id)
            },
            version: stored_version(told.version),
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
