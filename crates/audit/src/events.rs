//! The events of the stream by entity, read independently of the services' own types, like the documents.

use std::collections::BTreeMap;
use std::fmt;

use bson::oid::ObjectId;
use common::Timestamp;
use serde_json::Value;

use super::documents::{Order, Ticket, timestamp};
use super::snapshot::{Stream, StreamEvent};

/// The kind of entity that an event describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Ticket,
    Order,
    Payment,
    /// The expiration of an order. It has no version and counts as version 0.
    Expiration,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ticket => "ticket",
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Expiration => "expiration of order",
        })
    }
}

/// The events of one entity by version. A version may be published any number of times.
pub(crate) type Versions<'a> = BTreeMap<i64, Vec<&'a StreamEvent>>;

/// The events of a stream by entity.
#[derive(Debug, Default)]
pub(crate) struct EventIndex<'a> {
    pub(crate) of: BTreeMap<(Kind, ObjectId), Versions<'a>>,
    /// Events of unknown subjects, or with invalid bodies.
    pub(crate) unreadable: Vec<&'a StreamEvent>,
}

impl<'a> EventIndex<'a> {
    pub(crate) fn new(stream: &'a Stream) -> Self {
        let mut index = Self::default();
        for event in &stream.events {
            match entity_of(event) {
                Some((kind, id, version)) => {
                    let versions = index.of.entry((kind, id)).or_default();
                    versions.entry(version).or_default().push(event);
                }
                None => index.unreadable.push(event),
            }
        }
        index
    }

    pub(crate) fn get(&self, kind: Kind, id: ObjectId) -> Option<&Versions<'a>> {
        self.of.get(&(kind, id))
    }

    /// All entities of a kind.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = (ObjectId, &Versions<'a>)> {
        let of_kind = self.of.iter().filter(move |((of, _), _)| *of == kind);
        of_kind.map(|((_, id), versions)| (*id, versions))
    }

    /// This version of a ticket, as the first event describes it.
    pub(crate) fn ticket(&self, id: ObjectId, version: i64) -> Option<TicketState<'a>> {
        let event = self.get(Kind::Ticket, id)?.get(&version)?.first()?;
        Some(TicketState::of(&event.body))
    }
}

/// The entity and version that an event describes.
pub(crate) fn entity_of(event: &StreamEvent) -> Option<(Kind, ObjectId, i64)> {
    let (kind, id) = match event.subject.as_str() {
        "ticket:created" | "ticket:updated" => (Kind::Ticket, "id"),
        "order:created" | "order:cancelled" => (Kind::Order, "id"),
        "payment:created" | "payment:refunded" => (Kind::Payment, "id"),
        "expiration:complete" => (Kind::Expiration, "orderId"),
        _ => return None,
    };
    let version = match kind {
        Kind::Expiration => 0,
        Kind::Ticket | Kind::Order | Kind::Payment => event.body["version"].as_i64()?,
    };
    Some((kind, id_in(&event.body, id)?, version))
}

/// The id in a field of a body.
pub(crate) fn id_in(body: &Value, field: &str) -> Option<ObjectId> {
    ObjectId::parse_str(body[field].as_str()?).ok()
}

/// The price in a body, in cents; zero if there is none.
#[expect(
    clippy::cast_possible_truncation,
    reason = "prices are far below 2^53 cents"
)]
pub(crate) fn cents_in(body: &Value) -> i64 {
    (body["price"].as_f64().unwrap_or_default() * 100.0).round() as i64
}

/// The state of a ticket in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TicketState<'a> {
    pub(crate) title: &'a str,
    pub(crate) cents: i64,
    pub(crate) seller: Option<ObjectId>,
    pub(crate) holder: Option<ObjectId>,
    pub(crate) withdrawn: bool,
}

impl<'a> TicketState<'a> {
    pub(crate) fn of(body: &'a Value) -> Self {
        Self {
            title: body["title"].as_str().unwrap_or_default(),
            cents: cents_in(body),
            seller: id_in(body, "userId"),
            holder: id_in(body, "orderId"),
            withdrawn: body["withdrawn"] == true,
        }
    }

    /// Whether this is the ticket's state.
    pub(crate) fn is(&self, ticket: &Ticket) -> bool {
        self.title == ticket.title
            && self.cents == ticket.price_cents
            && self.seller == Some(ticket.user_id)
            && self.holder == ticket.holder()
            && self.withdrawn == ticket.is_withdrawn()
    }
}

/// Whether the body describes the order's state.
pub(crate) fn describes_order(body: &Value, order: &Order) -> bool {
    body["status"].as_str() == Some(order.status.as_str())
        && id_in(body, "userId") == Some(order.user_id)
        && id_in(body, "ticketId") == Some(order.ticket.id)
        && cents_in(body) == order.ticket.price_cents
        && describes_expiry(body, order)
        && body["reason"].as_str() == order.reason.as_deref()
}

/// Whether the body has the order's expiry.
pub(crate) fn describes_expiry(body: &Value, order: &Order) -> bool {
    let expiry = body["expiresAt"].as_str();
    expiry.and_then(|text| text.parse::<Timestamp>().ok()) == Some(timestamp(order.expires_at))
}
