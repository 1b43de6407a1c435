//! Compares consecutive observations of the databases: versions must not fall, ends must be final, and nothing may
//! vanish.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use bson::oid::ObjectId;
use common::Timestamp;

use super::documents::{
    Order, OrderReplica, OrderStatus, Payment, PaymentStatus, Ticket, timestamp,
};
use super::snapshot::Databases;
use super::sources::StreamSize;
use super::violation::{Invariant, Violation};

/// How long after its expiry an unpaid order may live.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How long after the last fault everything may take to agree.
pub(crate) const RECOVERY: Duration = Duration::from_secs(10);

/// Everything observed so far.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    seen: HashMap<Key, Seen>,
    active: BTreeMap<ObjectId, Active>,
    events: BTreeMap<i128, u64>,
    dead_letters: BTreeMap<i128, u64>,
    violations: Vec<Violation>,
    /// The number of observations.
    pub(crate) samples: u64,
}

/// The kind of an entity, and its id.
type Key = (&'static str, ObjectId);

/// An entity at the last observation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    version: i64,
    /// How far it has come; must never fall.
    rank: u8,
    /// Whether its state is final.
    ended: bool,
    /// Everything that belongs to the version.
    state: String,
}

/// An unpaid order, and when it was last seen.
#[derive(Debug, Clone, Copy)]
struct Active {
    expires_at: Timestamp,
    last: Timestamp,
}

impl Observer {
    /// Records an observation that began at `at`.
    pub(crate) fn observe(&mut self, at: Timestamp, databases: &Databases) {
        self.samples += 1;
        self.watch_owners(databases);
        for order in databases.orders.values() {
            if order.status.is_active() {
                let active = Active {
                    expires_at: timestamp(order.expires_at),
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

    /// Two orders that existed at the last observation and are live now were live at the same time in between, because
    /// a cancelled order never becomes live again.
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
        // Each observation finds it again while it lasts.
        let known: HashSet<_> = self
            .violations
            .iter()
            .map(|known| &known.entities)
            .collect();
        found.retain(|violation| !known.contains(&violation.entities));
        self.violations.extend(found);
    }

    /// Records the sizes of the two streams.
    pub(crate) fn observe_streams(&mut self, (events, dead_letters): (StreamSize, StreamSize)) {
        self.events.insert(events.created, events.last);
        self.dead_letters
            .insert(dead_letters.created, dead_letters.last);
    }

    /// The number of events in all streams that were observed.
    pub(crate) fn events(&self) -> u64 {
        self.events.values().sum()
    }

    /// Whether the broker has never lost its data.
    pub(crate) fn stream_is_complete(&self) -> bool {
        self.events.len() == 1
    }

    /// Dead letters that the broker lost with its data, unread.
    pub(crate) fn lost_dead_letters(&self) -> Option<Violation> {
        // The last stream still exists.
        let lost: u64 = self.dead_letters.values().rev().skip(1).sum();
        (lost > 0).then(|| {
            let message = format!("{lost} dead letters were lost with the broker's data");
            Violation::new(Invariant::I3, [], message)
        })
    }

    /// Orders that stayed unpaid for longer than they may, where all dependencies were available from `healed_at` on.
    pub(crate) fn overdue(&self, healed_at: Timestamp) -> Vec<Violation> {
        let late = self.active.iter().filter_map(|(order, active)| {
            let latest = active.expires_at.plus(GRACE).max(healed_at.plus(RECOVERY));
            (active.last > latest).then(|| {
                let message = format!(
                    "order {order} expired at {}, had to end by {latest}, and was still unpaid at {}",
                    active.expires_at, active.last
                );
                Violation::new(Invariant::I6, [order], message)
            })
        });
        late.collect()
    }

    /// The number of orders that were seen unpaid.
    pub(crate) fn orders_seen_active(&self) -> usize {
        self.active.len()
    }

    /// The violations since the last call.
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

    /// A complete order is not final: it is cancelled if it is refunded.
    fn order(order: &Order) -> Self {
        Self {
            version: order.version,
            rank: order.status.rank(),
            ended: order.status == OrderStatus::Cancelled,
            state: order.to_string(),
        }
    }

    fn order_replica(order: &OrderReplica) -> Self {
        Self {
            version: order.version,
            rank: order.status.rank(),
            ended: order.status == OrderStatus::Cancelled,
            state: order.to_string(),
        }
    }

    fn payment(payment: &Payment) -> Self {
        let charge = payment.status.charge();
        let charge = charge.map_or("nothing", |(_, charge)| charge);
        let refund = match &payment.status {
            PaymentStatus::Refunded { refund_id, .. } => Some(refund_id.as_str()),
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
        "went back to an older version"
    } else if before.ended && after != before {
        "changed after its end"
    } else if after.rank < before.rank {
        "went back to an earlier status"
    } else if after.version == before.version && after != before {
        "changed without a new version"
    } else {
        return None;
    };
    let message = format!(
        "{kind} {id} {what}: from ({}) to ({})",
        before.state, after.state
    );
    Some(Violation::new(Invariant::I4, [&id], message))
}

fn vanished((kind, id): Key, before: &Seen) -> Violation {
    let message = format!("{kind} {id} vanished: it was ({})", before.state);
    Violation::new(Invariant::I8, [&id], message)
}

#[cfg(test)]
mod tests;
