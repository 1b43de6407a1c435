//! What the services tell each other.
//!
//! An event carries the whole public state of its entity and its version, so that whoever reads it needs no event
//! before it. Once published, an event stays readable: a field may be added if it has a default, never renamed,
//! retyped or removed. The frozen examples in this crate's tests hold that promise.

mod state;
mod subject;

pub(crate) use state::is_false;

pub use state::{CancellationReason, ExpirationState, OrderState, PaymentState, TicketState};
pub use subject::{Subject, UnknownSubject};

use crate::Timestamp;

/// Something that happened, and the state that it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A ticket was put up for sale.
    TicketCreated(TicketState),
    /// A ticket was edited, reserved, released or withdrawn.
    TicketUpdated(TicketState),
    /// An order claimed a ticket.
    OrderCreated(OrderState),
    /// An order was given up, expired, or refunded, or its ticket was withdrawn.
    OrderCancelled(OrderState),
    /// An order was paid.
    PaymentCreated(PaymentState),
    /// All of a payment went back: it came too late, or somebody refunded or disputed it at Stripe.
    PaymentRefunded(PaymentState),
    /// An order's time is over.
    ExpirationComplete(ExpirationState),
}

/// Why a message is no event.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    /// The subject is none of ours.
    #[error(transparent)]
    Subject(#[from] UnknownSubject),
    /// The body is not what the subject promises.
    #[error("the body of a {subject} event is unreadable: {source}")]
    Body {
        /// The event's subject.
        subject: Subject,
        /// What is wrong with the body.
        source: serde_json::Error,
    },
}

impl Event {
    /// The subject under which the event is published.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        match self {
            Self::TicketCreated(_) => Subject::TicketCreated,
            Self::TicketUpdated(_) => Subject::TicketUpdated,
            Self::OrderCreated(_) => Subject::OrderCreated,
            Self::OrderCancelled(_) => Subject::OrderCancelled,
            Self::PaymentCreated(_) => Subject::PaymentCreated,
            Self::PaymentRefunded(_) => Subject::PaymentRefunded,
            Self::ExpirationComplete(_) => Subject::ExpirationComplete,
        }
    }

    /// The id of the entity that the event is about: a ticket's, an order's or a payment's.
    #[must_use]
    pub fn entity_id(&self) -> String {
        match self {
            Self::TicketCreated(ticket) | Self::TicketUpdated(ticket) => ticket.id.to_string(),
            Self::OrderCreated(order) | Self::OrderCancelled(order) => order.id.to_string(),
            Self::PaymentCreated(payment) | Self::PaymentRefunded(payment) => {
                payment.id.to_string()
            }
            Self::ExpirationComplete(expiration) => expiration.order_id.to_string(),
        }
    }

    /// The version of the entity that the event describes; an expiration has none.
    #[must_use]
    pub const fn version(&self) -> Option<u64> {
        match self {
            Self::TicketCreated(ticket) | Self::TicketUpdated(ticket) => Some(ticket.version),
            Self::OrderCreated(order) | Self::OrderCancelled(order) => Some(order.version),
            Self::PaymentCreated(payment) | Self::PaymentRefunded(payment) => Some(payment.version),
            Self::ExpirationComplete(_) => None,
        }
    }

    /// When the event may take effect, if that can be later than its publication.
    #[must_use]
    pub const fn due(&self) -> Option<Timestamp> {
        match self {
            Self::ExpirationComplete(expiration) => Some(expiration.expires_at),
            Self::TicketCreated(_)
            | Self::TicketUpdated(_)
            | Self::OrderCreated(_)
            | Self::OrderCancelled(_)
            | Self::PaymentCreated(_)
            | Self::PaymentRefunded(_) => None,
        }
    }

    /// The event's body as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = match self {
            Self::TicketCreated(ticket) | Self::TicketUpdated(ticket) => {
                serde_json::to_string(ticket)
            }
            Self::OrderCreated(order) | Self::OrderCancelled(order) => serde_json::to_string(order),
            Self::PaymentCreated(payment) | Self::PaymentRefunded(payment) => {
                serde_json::to_string(payment)
            }
            Self::ExpirationComplete(expiration) => serde_json::to_string(expiration),
        };
        json.expect("an event's state has string keys and finite numbers only")
    }

    /// Reads the body that came under `subject`.
    pub fn from_json(subject: Subject, body: &[u8]) -> Result<Self, UnreadableEvent> {
        let event = match subject {
            Subject::TicketCreated => serde_json::from_slice(body).map(Self::TicketCreated),
            Subject::TicketUpdated => serde_json::from_slice(body).map(Self::TicketUpdated),
            Subject::OrderCreated => serde_json::from_slice(body).map(Self::OrderCreated),
            Subject::OrderCancelled => serde_json::from_slice(body).map(Self::OrderCancelled),
            Subject::PaymentCreated => serde_json::from_slice(body).map(Self::PaymentCreated),
            Subject::PaymentRefunded => serde_json::from_slice(body).map(Self::PaymentRefunded),
            Subject::ExpirationComplete => {
                serde_json::from_slice(body).map(Self::ExpirationComplete)
            }
        };
        event.map_err(|source| UnreadableEvent::Body { subject, source })
    }
}
