//! The holders of tickets by the API's responses: two orders of one ticket must not be live at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use common::id::kind;
use common::{Id, Timestamp};

/// All acknowledged orders by ticket.
#[derive(Debug, Default)]
pub(super) struct Holders(Mutex<HashMap<Id<kind::Ticket>, Vec<Held>>>);

#[derive(Debug, Clone, Copy)]
struct Held {
    order: Id<kind::Order>,
    until: Timestamp,
    /// Whether it was to be cancelled or refunded, successfully or not.
    is_released: bool,
}

impl Holders {
    /// Records a new order that was acknowledged at `now`; returns the orders of the same ticket that are certainly
    /// live.
    ///
    /// An order is live at least until it expires, unless it is to be cancelled or refunded.
    pub(super) fn placed(
        &self,
        ticket: Id<kind::Ticket>,
        order: Id<kind::Order>,
        until: Timestamp,
        now: Timestamp,
    ) -> Vec<Id<kind::Order>> {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = tickets.entry(ticket).or_default();
        let live = held
            .iter()
            .filter(|other| other.order != order && !other.is_released && now < other.until);
        let live = live.map(|other| other.order).collect();
        held.push(Held {
            order,
            until,
            is_released: false,
        });
        live
    }

    /// Records that the order is about to be cancelled or refunded.
    pub(super) fn released(&self, ticket: Id<kind::Ticket>, order: Id<kind::Order>) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for held in tickets.entry(ticket).or_default() {
            held.is_released |= held.order == order;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_live_order_of_a_ticket_is_found() {
        let (holders, now) = (Holders::default(), Timestamp::from_milliseconds(1_000_000));
        let (ticket, order) = (Id::from_bytes([1; 12]), |n| Id::from_bytes([n; 12]));
        let until = now.plus(Duration::from_secs(5));
        assert!(holders.placed(ticket, order(1), until, now).is_empty());
        assert_eq!(holders.placed(ticket, order(2), until, now), [order(1)]);
        holders.released(ticket, order(1));
        holders.released(ticket, order(2));
        assert!(holders.placed(ticket, order(3), until, now).is_empty());
        assert!(holders.placed(ticket, order(4), until, until).is_empty());
    }
}
