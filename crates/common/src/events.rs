//! The events that services publish.
//!
//! An event carries the complete public state of its entity and its version, so a consumer does not depend on earlier
//! events. Published events stay readable: a field may be added if it has a default, but never renamed, retyped or
//! removed. The frozen examples in this crate's tests verify that.

mod state;
mod subject;

pub(crate) use state::is_false;

pub use state::{CancellationReason, ExpirationState, OrderState, PaymentState, TicketState};
pub use subject::{Subject, UnknownSubject};

use crate::Timestamp;

/// A change of an entity, and the entity's new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A ticket was put up for sale.
    TicketCreated(TicketState),
    /// A ticket was edited, reserved, released or withdrawn.
    TicketUpdated(TicketState),
    /// An order was placed. Published again for a paid order whose ticket was withdrawn.
    OrderCreated(OrderState),
    /// An order was cancelled by its buyer, expired or was refunded, or its ticket was withdrawn.
    OrderCancelled(OrderState),
    /// An order was paid.
    PaymentCreated(PaymentState),
    /// A payment was returned in full: it was too late, or it was refunded or lost to a dispute at Stripe.
    PaymentRefunded(PaymentState),
    /// The time to pay an order is over.
    ExpirationComplete(ExpirationState),
}

/// Why a message is not a readable event.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    /// The subject is unknown.
    #[error(transparent)]
    Subject(#[from] UnknownSubject),
    /// The body does not match the subject.
    #[error("the body of a {subject} event is unreadable: {source}")]
    Body {
        /// The event's subject.
        subject: Subject,
        /// The reason.
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

    /// The id of the entity: a ticket, an order or a payment.
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

    /// The version of the entity; an expiration has none.
    #[must_use]
    pub const fn version(&self) -> Option<u64> {
        match self {
            Self::TicketCreated(ticket) | Self::TicketUpdated(ticket) => Some(ticket.version),
            Self::OrderCreated(order) | Self::OrderCancelled(order) => Some(order.version),
            Self::PaymentCreated(payment) | Self::PaymentRefunded(payment) => Some(payment.version),
            Self::ExpirationComplete(_) => None,
        }
    }

    /// The time before which the event must not take effect, if there is one.
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

    /// Reads the body of an event with this subject.
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
