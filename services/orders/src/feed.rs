//! What wakes those who watch an order. It only says when to look: what is shown is what the database says.

use common::id::kind;
use common::{Event, Id, OrderStatus, Subject};
use messaging::feed::Feed;

use crate::domain::Order;

/// Hints at changes of orders.
pub(crate) type OrderFeed = Feed<Hint>;

/// What the feed reads: our own events, and those of others that make us change an order.
pub(crate) const SUBJECTS: &[Subject] = &[
    Subject::OrderCreated,
    Subject::OrderCancelled,
    Subject::PaymentCreated,
    Subject::TicketUpdated,
];

/// An order has changed or will do so in a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hint {
    /// Which order.
    pub(crate) order: Id<kind::Order>,
    change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It has this version.
    Told(u64),
    /// Its ticket is held for it.
    Confirmed,
    /// It is paid.
    Paid,
}

impl Hint {
    /// What an event hints at.
    pub(crate) fn of(event: Event) -> Option<Self> {
        let (order, change) = match event {
            Event::OrderCreated(order) | Event::OrderCancelled(order) => {
                (order.id, Change::Told(order.version))
            }
            Event::PaymentCreated(payment) => (payment.order_id, Change::Paid),
            Event::TicketUpdated(ticket) => (ticket.order_id?, Change::Confirmed),
            // Not among our subjects.
            _ => return None,
        };
        Some(Self { order, change })
    }

    /// Whether the order as it is here shows the change already, or never will.
    pub(crate) fn is_old_to(self, order: &Order) -> bool {
        match self.change {
            Change::Told(version) => version <= order.version,
            Change::Confirmed => order.status != OrderStatus::Created,
            Change::Paid => !order.status.is_active(),
        }
    }
}
