//! Who holds which ticket, as far as the answers say: two orders of one ticket must not both be alive.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use common::id::kind;
use common::{Id, Timestamp};

/// All orders that were acknowledged, by their tickets.
#[derive(Debug, Default)]
pub(super) struct Holders(Mutex<HashMap<Id<kind::Ticket>, Vec<Held>>>);

#[derive(Debug, Clone, Copy)]
struct Held {
    order: Id<kind::Order>,
    until: Timestamp,
    /// Whether somebody asked to give it up, whatever came of that.
    given_up: bool,
}

impl Holders {
    /// Takes note of a new order, told of at `now`; gives those of the same ticket that are certainly alive.
    ///
    /// An order lives at least until its time is over, unless its owner asks to give it up.
    pub(super) fn placed(
        &self,
        ticket: Id<kind::Ticket>,
        order: Id<kind::Order>,
        until: Timestamp,
        now: Timestamp,
    ) -> Vec<Id<kind::Order>> {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = tickets.entry(ticket).or_default();
        let alive = held
            .iter()
            .filter(|other| other.order != order && !other.given_up && now < other.until);
        let alive = alive.map(|other| other.order).collect();
        held.push(Held {
            order,
            until,
            given_up: false,
        });
        alive
    }

    /// Takes note that its owner is about to ask to give it up.
    pub(super) fn given_up(&self, ticket: Id<kind::Ticket>, order: Id<kind::Order>) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for held in tickets.entry(ticket).or_default() {
            held.given_up |= held.order == order;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_ticket_that_is_held_is_not_given_away() {
        let (holders, now) = (Holders::default(), Timestamp::from_milliseconds(1_000_000));
        let (ticket, order) = (Id::from_bytes([1; 12]), |n| Id::from_bytes([n; 12]));
        let until = now.plus(Duration::from_secs(5));
        assert!(holders.placed(ticket, order(1), until, now).is_empty());
        assert_eq!(holders.placed(ticket, order(2), until, now), [order(1)]);
        holders.given_up(ticket, order(1));
        holders.given_up(ticket, order(2));
        assert!(holders.placed(ticket, order(3), until, now).is_empty());
        assert!(holders.placed(ticket, order(4), until, until).is_empty());
    }
}
