//! I3 in a snapshot: no event waits or was given up, and every effect is present. And I6: no unpaid order outlives its
//! expiry.

use std::collections::BTreeMap;

use bson::oid::ObjectId;

use crate::documents::{Order, OrderStatus, OutboxEntry, timestamp};
use crate::observer::GRACE;
use crate::snapshot::{Backlogs, DeadLetter, Snapshot};
use crate::violation::{Invariant, Violation};

/// How many cancelled orders a ticket remembers.
const REMEMBERED: usize = 64;

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let databases = &snapshot.databases;
    let tickets = databases.tickets.values();
    let tickets = tickets.flat_map(|ticket| waiting("ticket", ticket.id, &ticket.outbox));
    let orders = databases.orders.values();
    let of_orders = orders.clone();
    let of_orders = of_orders.flat_map(|order| waiting("order", order.id, &order.outbox));
    let payments = databases.payments.values();
    let payments =
        payments.flat_map(|payment| waiting("payment of order", payment.order_id, &payment.outbox));
    let effects = orders.flat_map(|order| of_order(snapshot, order));
    let outboxes = tickets.chain(of_orders).chain(payments);
    outboxes
        .chain(effects)
        .chain(missed_cancellations(snapshot))
        .collect()
}

/// Dead letters, and events that wait for consumers.
pub(super) fn of_consumers(backlogs: &Backlogs, dead_letters: &[DeadLetter]) -> Vec<Violation> {
    given_up(dead_letters).chain(behind(backlogs)).collect()
}

fn violation(entity: ObjectId, message: String) -> Violation {
    Violation::new(Invariant::I3, [&entity], message)
}

fn waiting(kind: &str, id: ObjectId, outbox: &[OutboxEntry]) -> Vec<Violation> {
    let entries = outbox.iter().map(|entry| {
        let message = format!(
            "{kind} {id} has not published its {} {}",
            entry.subject, entry.id
        );
        violation(id, message)
    });
    entries.collect()
}

fn given_up(letters: &[DeadLetter]) -> impl Iterator<Item = Violation> {
    letters.iter().map(|letter| {
        let (consumer, subject) = (&letter.consumer, &letter.subject);
        let (reason, body) = (&letter.reason, &letter.body);
        let message = format!("{consumer} gave up a {subject} ({reason}): {body}");
        Violation::new(Invariant::I3, [consumer], message)
    })
}

fn behind(backlogs: &Backlogs) -> impl Iterator<Item = Violation> {
    backlogs.iter().filter_map(|(group, backlog)| {
        let message = match backlog {
            None => format!("the broker knows no consumer {group}"),
            Some(backlog) if backlog.waiting > 0 || backlog.unacknowledged > 0 => format!(
                "{group} has {} events waiting and {} unacknowledged, and has handled all up to {}",
                backlog.waiting, backlog.unacknowledged, backlog.done
            ),
            Some(_) => return None,
        };
        Some(Violation::new(Invariant::I3, [group], message))
    })
}

fn of_order(snapshot: &Snapshot, order: &Order) -> Vec<Violation> {
    let (id, ticket_id) = (order.id, order.ticket.id);
    let mut found = Vec::new();
    match snapshot.databases.tickets.get(&ticket_id) {
        None => found.push(format!(
            "order {id} ({order}) is of ticket {ticket_id}, which does not exist"
        )),
        Some(ticket) if order.status.is_live() && ticket.order_id != Some(id) => {
            found.push(format!(
                "live order {id} ({order}) does not hold its ticket {ticket_id} ({ticket})"
            ));
        }
        Some(_) => {}
    }
    if order.status == OrderStatus::Created {
        found.push(format!(
            "order {id} ({order}) does not know that it holds its ticket"
        ));
    }
    let for_sale = snapshot.databases.tickets.get(&ticket_id);
    let for_sale = for_sale.is_some_and(|ticket| ticket.order_id.is_none());
    if let Some(reason) = unreachable(order, for_sale) {
        found.push(format!("order {id} ({order}) {reason}"));
    }
    let mut violations: Vec<_> = found
        .into_iter()
        .map(|message| violation(id, message))
        .collect();
    let expires_at = timestamp(order.expires_at);
    if order.status.is_active() {
        if snapshot.taken_at > expires_at.plus(GRACE) {
            let message =
                format!("order {id} ({order}) was still unpaid more than 2 s after its expiry");
            violations.push(Violation::new(Invariant::I6, [&id], message));
        } else if snapshot.taken_at < expires_at && !snapshot.jobs.contains(&id) {
            let message = format!("order {id} ({order}) has no job that will end it");
            violations.push(violation(id, message));
        }
    }
    violations
}

/// Why no sequence of allowed steps leads to the order's state. Each step increases the version by one. An order that
/// was cancelled without a reason lost its ticket, which is then no longer for sale.
fn unreachable(order: &Order, for_sale: bool) -> Option<String> {
    let versions = match order.status {
        OrderStatus::Created => 0..=0,
        OrderStatus::AwaitingPayment => 1..=1,
        OrderStatus::Cancelled if order.refunded => 1..=3,
        OrderStatus::Complete | OrderStatus::Cancelled => 1..=2,
    };
    if !versions.contains(&order.version) {
        return Some(format!("cannot be at version {}", order.version));
    }
    match (order.status, order.reason.as_deref()) {
        (OrderStatus::Cancelled, None) if order.refunded || !for_sale => None,
        (OrderStatus::Cancelled, Some("owner" | "expired")) if !order.refunded => None,
        (OrderStatus::Cancelled, reason) => {
            Some(format!("was cancelled with the reason {reason:?}"))
        }
        (_, None) if !order.refunded => None,
        (_, reason) => Some(format!("has a reason to be cancelled: {reason:?}")),
    }
}

/// A ticket remembers its cancelled orders, up to a limit.
fn missed_cancellations(snapshot: &Snapshot) -> Vec<Violation> {
    let mut cancelled: BTreeMap<ObjectId, Vec<ObjectId>> = BTreeMap::new();
    for order in snapshot.databases.orders.values() {
        if order.status == OrderStatus::Cancelled {
            cancelled.entry(order.ticket.id).or_default().push(order.id);
        }
    }
    let tickets = cancelled.into_iter().filter_map(|(ticket, orders)| {
        let ticket = snapshot.databases.tickets.get(&ticket)?;
        (ticket.released.len() < REMEMBERED).then_some((ticket, orders))
    });
    let missed = tickets.flat_map(|(ticket, orders)| {
        let missed = orders
            .into_iter()
            .filter(|order| !ticket.released.contains(order));
        missed.map(move |order| {
            let message = format!(
                "ticket {} ({ticket}) does not know that order {order} was cancelled",
                ticket.id
            );
            violation(order, message)
        })
    });
    missed.collect()
}
