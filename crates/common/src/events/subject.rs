//! The subjects of events, with the names of the reference implementation.

use std::fmt;
use std::str::FromStr;

/// The subject under which an event is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// `ticket:created`
    TicketCreated,
    /// `ticket:updated`
    TicketUpdated,
    /// `order:created`
    OrderCreated,
    /// `order:cancelled`
    OrderCancelled,
    /// `payment:created`
    PaymentCreated,
    /// `payment:refunded`
    PaymentRefunded,
    /// `expiration:complete`
    ExpirationComplete,
}

/// The text is not a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such subject: {0}")]
pub struct UnknownSubject(String);

impl Subject {
    /// All subjects.
    pub const ALL: [Self; 7] = [
        Self::TicketCreated,
        Self::TicketUpdated,
        Self::OrderCreated,
        Self::OrderCancelled,
        Self::PaymentCreated,
        Self::PaymentRefunded,
        Self::ExpirationComplete,
    ];

    /// The name of the subject.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TicketCreated => "ticket:created",
            Self::TicketUpdated => "ticket:updated",
            Self::OrderCreated => "order:created",
            Self::OrderCancelled => "order:cancelled",
            Self::PaymentCreated => "payment:created",
            Self::PaymentRefunded => "payment:refunded",
            Self::ExpirationComplete => "expiration:complete",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Subject {
    type Err = UnknownSubject;

    fn from_str(text: &str) -> Result<Self, UnknownSubject> {
        Self::ALL
            .into_iter()
            .find(|subject| subject.as_str() == text)
            .ok_or_else(|| UnknownSubject(text.to_owned()))
    }
}
