//! I3, what one look shows of it: nothing waits, nothing was given up, and every effect is there. And I6: nothing lives
//! past its time.

use std::collections::BTreeMap;

use bson::oid::ObjectId;

use crate::documents::{Order, Standing, Waiting, moment};
use crate::sightings::GRACE;
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
        .chain(forgotten_cancellations(snapshot))
        .collect()
}

/// What consumers gave up, and what they have still to do.
pub(super) fn of_consumers(backlogs: &Backlogs, letters: &[DeadLetter]) -> Vec<Violation> {
    dead_letters(letters).chain(behind(backlogs)).collect()
}

fn violation(entity: ObjectId, words: String) -> Violation {
    Violation::new(Invariant::I3, [&entity], words)
}

fn waiting(kind: &str, id: ObjectId, outbox: &[Waiting]) -> Vec<Violation> {
    let entries = outbox.iter().map(|entry| {
        let words = format!(
            "{kind} {id} has not published its {} {}",
            entry.subject, entry.id
        );
        violation(id, words)
    });
    entries.collect()
}

fn dead_letters(letters: &[DeadLetter]) -> impl Iterator<Item = Violation> {
    letters.iter().map(|letter| {
        let (consumer, subject) = (&letter.consumer, &letter.subject);
        let (reason, body) = (&letter.reason, &letter.body);
        let words = format!("{consumer} gave up a {subject} ({reason}): {body}");
        Violation::new(Invariant::I3, [consumer], words)
    })
}

fn behind(backlogs: &Backlogs) -> impl Iterator<Item = Violation> {
    backlogs.iter().filter_map(|(group, backlog)| {
        let words = match backlog {
            None => format!("the broker knows no consumer {group}"),
            Some(backlog) if backlog.waiting > 0 || backlog.unacknowledged > 0 => format!(
                "{group} has {} events before it and {} in hand, and is done with all up to {}",
                backlog.waiting, backlog.unacknowledged, backlog.done
            ),
            Some(_) => return None,
        };
        Some(Violation::new(Invariant::I3, [group], words))
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
    if order.status == Standing::Created {
        found.push(format!(
            "order {id} ({order}) holds its ticket and does not know it"
        ));
    }
    let for_sale = snapshot.databases.tickets.get(&ticket_id);
    let for_sale = for_sale.is_some_and(|ticket| ticket.order_id.is_none());
    if let Some(odd) = oddity(order, for_sale) {
        found.push(format!("order {id} ({order}) {odd}"));
    }
    let mut violations: Vec<_> = found
        .into_iter()
        .map(|words| violation(id, words))
        .collect();
    let expires_at = moment(order.expires_at);
    if order.status.is_active() {
        if snapshot.taken_at > expires_at.plus(GRACE) {
            let words =
                format!("order {id} ({order}) was still alive more than 2 s after its time");
            violations.push(Violation::new(Invariant::I6, [&id], words));
        } else if snapshot.taken_at < expires_at && !snapshot.jobs.contains(&id) {
            let words = format!("order {id} ({order}) has no job that will end it");
            violations.push(violation(id, words));
        }
    }
    violations
}

/// What no sequence of allowed steps leads to. Each step is one version. An order without a reason for its end lost its
/// ticket, which is then no longer for sale.
fn oddity(order: &Order, for_sale: bool) -> Option<String> {
    let versions = match order.status {
        Standing::Created => 0..=0,
        Standing::AwaitingPayment => 1..=1,
        Standing::Cancelled if order.refunded => 1..=3,
        Standing::Complete | Standing::Cancelled => 1..=2,
    };
    if !versions.contains(&order.version) {
        return Some(format!(
            "cannot have come so far in {} steps",
            order.version
        ));
    }
    match (order.status, order.reason.as_deref()) {
        (Standing::Cancelled, None) if order.refunded || !for_sale => None,
        (Standing::Cancelled, Some("owner" | "expired")) if !order.refunded => None,
        (Standing::Cancelled, reason) => Some(format!("was cancelled for no reason: {reason:?}")),
        (_, None) if !order.refunded => None,
        (_, reason) => Some(format!("has a reason to be cancelled: {reason:?}")),
    }
}

/// A ticket remembers every order that was cancelled, unless they are very many.
fn forgotten_cancellations(snapshot: &Snapshot) -> Vec<Violation> {
    let mut cancelled: BTreeMap<ObjectId, Vec<ObjectId>> = BTreeMap::new();
    for order in snapshot.databases.orders.values() {
        if order.status == Standing::Cancelled {
            cancelled.entry(order.ticket.id).or_default().push(order.id);
        }
    }
    let tickets = cancelled.into_iter().filter_map(|(ticket, orders)| {
        let ticket = snapshot.databases.tickets.get(&ticket)?;
        (ticket.released.len() < REMEMBERED).then_some((ticket, orders))
    });
    let forgotten = tickets.flat_map(|(ticket, orders)| {
        let unheard = orders
            .into_iter()
            .filter(|order| !ticket.released.contains(order));
        unheard.map(move |order| {
            let words = format!(
                "ticket {} ({ticket}) never heard that order {order} was cancelled",
                ticket.id
            );
            violation(order, words)
        })
    });
    forgotten.collect()
}
