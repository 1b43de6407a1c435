//! What one look after the other saw: things that grow, end or live, and must not shrink, return or vanish.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use bson::oid::ObjectId;
use common::Timestamp;

use super::documents::{Money, Order, OrderReplica, Payment, Standing, Ticket, moment};
use super::snapshot::Databases;
use super::sources::StreamSize;
use super::violation::{Invariant, Violation};

/// How long after its expiry an order may live.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How long after the last fault everything may take to be right.
pub(crate) const RECOVERY: Duration = Duration::from_secs(10);

/// Everything seen so far.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    seen: HashMap<Key, Seen>,
    active: BTreeMap<ObjectId, Active>,
    events: BTreeMap<i128, u64>,
    letters: BTreeMap<i128, u64>,
    violations: Vec<Violation>,
    /// How many looks there were.
    pub(crate) looks: u64,
}

/// What kind of thing, and which.
type Key = (&'static str, ObjectId);

/// An entity at the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    version: i64,
    /// How far it has come; never falls.
    rank: u8,
    /// Whether nothing may change any more.
    ended: bool,
    /// All that belongs to the version.
    state: String,
}

/// When an order that can be paid was last seen so.
#[derive(Debug, Clone, Copy)]
struct Active {
    expires_at: Timestamp,
    last: Timestamp,
}

impl Sightings {
    /// Takes note of a look that began at `at`.
    pub(crate) fn observe(&mut self, at: Timestamp, databases: &Databases) {
        self.looks += 1;
        self.watch_owners(databases);
        for order in databases.orders.values() {
            if order.status.is_active() {
                let active = Active {
                    expires_at: moment(order.expires_at),
                    last: at,
                };
                self.active.insert(order.id, active);
            }
        }
        let now = seen_in(databases);
        for (key, after) in &now {
            if let Some(before) = self.seen.get(key) {
                self.violations.extend(compare(*key, before, after));
            }
        }
        for (key, before) in &self.seen {
            if !now.contains_key(key) {
                self.violations.push(vanished(*key, before));
            }
        }
        self.seen = now;
    }

    /// Two orders that were both there at the look before and are both alive now were both alive in between: a
    /// cancelled order never lives again.
    fn watch_owners(&mut self, databases: &Databases) {
        let mut owners: HashMap<ObjectId, &Order> = HashMap::new();
        let known = |order: &&Order| self.seen.contains_key(&("order", order.id));
        let live = databases
            .orders
            .values()
            .filter(|order| order.status.is_live());
        let mut found = Vec::new();
        for order in live.filter(known) {
            if let Some(other) = owners.insert(order.ticket.id, order) {
                let ticket = order.ticket.id;
                found.push(Violation::new(
                    Invariant::I1,
                    [&ticket, &other.id, &order.id],
                    format!(
                        "during the run ticket {ticket} had two live orders at once: {} ({other}) and {} ({order})",
                        other.id, order.id
                    ),
                ));
            }
        }
        // Seen again and again while it lasts.
        let told: HashSet<_> = self.violations.iter().map(|told| &told.entities).collect();
        found.retain(|violation| !told.contains(&violation.entities));
        self.violations.extend(found);
    }

    /// Takes note of how far the streams have come.
    pub(crate) fn observe_streams(&mut self, (events, letters): (StreamSize, StreamSize)) {
        self.events.insert(events.born, events.last);
        self.letters.insert(letters.born, letters.last);
    }

    /// How many events were ever seen in any stream.
    pub(crate) fn events(&self) -> u64 {
        self.events.values().sum()
    }

    /// Whether the broker never lost its data.
    pub(crate) fn stream_is_whole(&self) -> bool {
        self.events.len() == 1
    }

    /// Dead letters that went with the broker's data before anybody could read them.
    pub(crate) fn lost_letters(&self) -> Option<Violation> {
        // The last stream is there to be read.
        let gone: u64 = self.letters.values().rev().skip(1).sum();
        (gone > 0).then(|| {
            let words = format!("{gone} dead letters went with the broker's data");
            Violation::new(Invariant::I3, [], words)
        })
    }

    /// Orders that were seen unpaid for longer than they may live, given when all that they need was up again.
    pub(crate) fn overdue(&self, healed_at: Timestamp) -> Vec<Violation> {
        let late = self.active.iter().filter_map(|(order, active)| {
            let latest = active.expires_at.plus(GRACE).max(healed_at.plus(RECOVERY));
            (active.last > latest).then(|| {
                let words = format!(
                    "order {order} expired at {}, was to end by {latest}, and was still unpaid and alive at {}",
                    active.expires_at, active.last
                );
                Violation::new(Invariant::I6, [order], words)
            })
        });
        late.collect()
    }

    /// How many orders were seen alive.
    pub(crate) fn orders_seen_active(&self) -> usize {
        self.active.len()
    }

    /// What was found since this was asked last.
    pub(crate) fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

fn seen_in(databases: &Databases) -> HashMap<Key, Seen> {
    let tickets = databases.tickets.values();
    let tickets = tickets.map(|ticket| (("ticket", ticket.id), Seen::ticket(ticket)));
    let orders = databases.orders.values();
    let orders = orders.map(|order| (("order", order.id), Seen::order(order)));
    let payments = databases.payments.values();
    let payments = payments.map(|payment| {
        (
            ("payment of order", payment.order_id),
            Seen::payment(payment),
        )
    });
    let ticket_replicas = databases.ticket_replicas.values();
    let ticket_replicas =
        ticket_replicas.map(|ticket| (("replica of ticket", ticket.id), Seen::ticket(ticket)));
    let order_replicas = databases.order_replicas.values();
    let order_replicas =
        order_replicas.map(|order| (("replica of order", order.id), Seen::order_replica(order)));
    let owners = tickets.chain(orders).chain(payments);
    owners
        .chain(ticket_replicas)
        .chain(order_replicas)
        .collect()
}

impl Seen {
    fn ticket(ticket: &Ticket) -> Self {
        Self {
            version: ticket.version,
            rank: 0,
            ended: false,
            state: ticket.to_string(),
        }
    }

    /// A complete order ends once more if it is refunded.
    fn order(order: &Order) -> Self {
        Self {
            version: order.version,
            rank: order.status.rank(),
            ended: order.status == Standing::Cancelled,
            state: order.to_string(),
        }
    }

    fn order_replica(order: &OrderReplica) -> Self {
        Self {
            version: order.version,
            rank: order.status.rank(),
            ended: order.status == Standing::Cancelled,
            state: order.to_string(),
        }
    }

    fn payment(payment: &Payment) -> Self {
        let charge = payment.status.charge();
        let charge = charge.map_or("nothing", |(_, charge)| charge);
        let refund = match &payment.status {
            Money::Refunded { refund_id, .. } => Some(refund_id.as_str()),
            _ => None,
        };
        let refund_id = refund.unwrap_or("nothing");
        Self {
            version: payment.version,
            rank: payment.status.rank(),
            ended: refund.is_some(),
            state: format!("{payment}, charged by {charge}, refunded by {refund_id}"),
        }
    }
}

fn compare((kind, id): Key, before: &Seen, after: &Seen) -> Option<Violation> {
    let what = if after.version < before.version {
        "went back"
    } else if before.ended && after != before {
        "changed after its end"
    } else if after.rank < before.rank {
        "is not as far as it was"
    } else if after.version == before.version && after != before {
        "changed without a new version"
    } else {
        return None;
    };
    let words = format!(
        "{kind} {id} {what}: from ({}) to ({})",
        before.state, after.state
    );
    Some(Violation::new(Invariant::I4, [&id], words))
}

fn vanished((kind, id): Key, before: &Seen) -> Violation {
    let words = format!(
        "{kind} {id} was there and is gone: it was ({})",
        before.state
    );
    Violation::new(Invariant::I8, [&id], words)
}

#[cfg(test)]
mod tests;
