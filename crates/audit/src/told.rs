//! The events of the stream, by what they tell of: read on the checker's own account, like the documents.

use std::collections::BTreeMap;
use std::fmt;

use bson::oid::ObjectId;
use common::Timestamp;
use serde_json::Value;

use super::documents::{Order, Ticket, moment};
use super::snapshot::{Stream, Told};

/// What kind of thing an event tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Ticket,
    Order,
    Payment,
    /// An order's time. It has no version and counts as version 0.
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

/// What was told of one thing, by version; the same version may be told of any number of times.
pub(crate) type Versions<'a> = BTreeMap<i64, Vec<&'a Told>>;

/// The events of a stream by what they tell of.
#[derive(Debug, Default)]
pub(crate) struct Tales<'a> {
    pub(crate) of: BTreeMap<(Kind, ObjectId), Versions<'a>>,
    /// Events that tell of nothing that the fleet knows.
    pub(crate) unreadable: Vec<&'a Told>,
}

impl<'a> Tales<'a> {
    pub(crate) fn new(stream: &'a Stream) -> Self {
        let mut tales = Self::default();
        for event in &stream.events {
            match subject_of(event) {
                Some((kind, id, version)) => {
                    let versions = tales.of.entry((kind, id)).or_default();
                    versions.entry(version).or_default().push(event);
                }
                None => tales.unreadable.push(event),
            }
        }
        tales
    }

    /// What was told of this one.
    pub(crate) fn get(&self, kind: Kind, id: ObjectId) -> Option<&Versions<'a>> {
        self.of.get(&(kind, id))
    }

    /// Everything of a kind.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = (ObjectId, &Versions<'a>)> {
        let of_kind = self.of.iter().filter(move |((of, _), _)| *of == kind);
        of_kind.map(|((_, id), versions)| (*id, versions))
    }

    /// A ticket as an event told of it in this version.
    pub(crate) fn ticket(&self, id: ObjectId, version: i64) -> Option<TicketTale<'a>> {
        let told = self.get(Kind::Ticket, id)?.get(&version)?.first()?;
        Some(TicketTale::of(&told.body))
    }
}

/// What an event tells of: what kind of thing, which, and in which version.
pub(crate) fn subject_of(event: &Told) -> Option<(Kind, ObjectId, i64)> {
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

/// The price in a body, in cents; zero for none.
#[expect(
    clippy::cast_possible_truncation,
    reason = "prices are far below 2^53 cents"
)]
pub(crate) fn cents_in(body: &Value) -> i64 {
    (body["price"].as_f64().unwrap_or_default() * 100.0).round() as i64
}

/// What an event says of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TicketTale<'a> {
    pub(crate) title: &'a str,
    pub(crate) cents: i64,
    pub(crate) seller: Option<ObjectId>,
    pub(crate) holder: Option<ObjectId>,
    pub(crate) withdrawn: bool,
}

impl<'a> TicketTale<'a> {
    pub(crate) fn of(body: &'a Value) -> Self {
        Self {
            title: body["title"].as_str().unwrap_or_default(),
            cents: cents_in(body),
            seller: id_in(body, "userId"),
            holder: id_in(body, "orderId"),
            withdrawn: body["withdrawn"] == true,
        }
    }

    /// Whether the ticket is as was told.
    pub(crate) fn is(&self, ticket: &Ticket) -> bool {
        self.title == ticket.title
            && self.cents == ticket.price_cents
            && self.seller == Some(ticket.user_id)
            && self.holder == ticket.holder()
            && self.withdrawn == ticket.is_withdrawn()
    }
}

/// Whether the order is as this body tells.
pub(crate) fn tells_of_order(body: &Value, order: &Order) -> bool {
    body["status"].as_str() == Some(order.status.as_str())
        && id_in(body, "userId") == Some(order.user_id)
        && id_in(body, "ticketId") == Some(order.ticket.id)
        && cents_in(body) == order.ticket.price_cents
        && tells_expiry_of(body, order)
        && body["reason"].as_str() == order.reason.as_deref()
}

/// Whether the order's time is as this body tells.
pub(crate) fn tells_expiry_of(body: &Value, order: &Order) -> bool {
    let told = body["expiresAt"].as_str();
    told.and_then(|text| text.parse::<Timestamp>().ok()) == Some(moment(order.expires_at))
}
