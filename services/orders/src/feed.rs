//! Hints that wake the watchers of an order. A hint only says when to look; what is shown comes from the database.

use common::id::kind;
use common::{Event, Id, OrderStatus, Subject};
use messaging::feed::Feed;

use crate::domain::Order;

/// The live feed of hints.
pub(crate) type OrderFeed = Feed<Hint>;

/// The events that the feed reads: this service's own, and those of others that make it change an order.
pub(crate) const SUBJECTS: &[Subject] = &[
    Subject::OrderCreated,
    Subject::OrderCancelled,
    Subject::PaymentCreated,
    Subject::TicketUpdated,
];

/// An order changed, or is about to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The order's id.
    pub(crate) order: Id<kind::Order>,
    change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The order was published in this version.
    Published(u64),
    /// The tickets service reserved the ticket.
    Confirmed,
    /// The order was paid.
    Paid,
}

impl Hint {
    /// The hint that an event gives.
    pub(crate) fn from_event(event: Event) -> Option<Self> {
        let (order, change) = match event {
            Event::OrderCreated(order) | Event::OrderCancelled(order) => {
                (order.id, Change::Published(order.version))
            }
            Event::PaymentCreated(payment) => (payment.order_id, Change::Paid),
            Event::TicketUpdated(ticket) => (ticket.order_id?, Change::Confirmed),
            // Not among the subjects.
            _ => return None,
        };
        Some(Self { order, change })
    }

    /// Whether this state of the order includes the change already, or rules it out.
    pub(crate) fn is_outdated_by(self, order: &Order) -> bool {
        match self.change {
            Change::Published(version) => version <= order.version(),
            Change::Confirmed => order.status() != OrderStatus::Created,
            Change::Paid => !order.status().is_active(),
        }
    }
}
