//! I1: a ticket has at most one live order, and all services name the same one.

use std::collections::BTreeMap;

use bson::oid::ObjectId;

use crate::documents::{Order, Ticket};
use crate::snapshot::Snapshot;
use crate::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let mut live: BTreeMap<ObjectId, Vec<&Order>> = BTreeMap::new();
    for order in snapshot.databases.orders.values() {
        if order.status.is_live() {
            live.entry(order.ticket.id).or_default().push(order);
        }
    }
    let contested = live.iter().filter(|(_, orders)| orders.len() > 1);
    let contested = contested.map(|(ticket, orders)| several_owners(*ticket, orders));
    let unreserved = live.values().flatten();
    let unreserved = unreserved.filter_map(|order| unreserved_order(snapshot, order));
    let reservations = snapshot.reservations.iter();
    let idle =
        reservations.filter_map(|(ticket, order)| idle_reservation(snapshot, *ticket, *order));
    let tickets = snapshot.databases.tickets.values();
    let held = tickets.clone();
    let held = held.filter_map(|ticket| wrongly_held(snapshot, ticket));
    let orderable = tickets.filter_map(|ticket| orderable(snapshot, ticket));
    let held = held.chain(orderable);
    contested
        .chain(unreserved)
        .chain(idle)
        .chain(held)
        .collect()
}

fn violation(ticket: ObjectId, order: ObjectId, message: String) -> Violation {
    Violation::new(Invariant::I1, [&ticket, &order], message)
}

fn several_owners(ticket: ObjectId, orders: &[&Order]) -> Violation {
    let named: Vec<_> = orders
        .iter()
        .map(|order| format!("{} ({order})", order.id))
        .collect();
    let ids = orders.iter().map(|order| order.id.to_string());
    Violation {
        invariant: Invariant::I1,
        entities: std::iter::once(ticket.to_string()).chain(ids).collect(),
        message: format!(
            "ticket {ticket} has {} live orders: {}",
            orders.len(),
            named.join(", ")
        ),
    }
}

fn unreserved_order(snapshot: &Snapshot, order: &Order) -> Option<Violation> {
    let ticket = order.ticket.id;
    let message = match snapshot.reservations.get(&ticket) {
        Some(holder) if *holder == order.id => return None,
        Some(holder) => format!(
            "live order {} ({order}) of ticket {ticket}, whose reservation is order {holder}'s",
            order.id
        ),
        None => format!(
            "live order {} ({order}) of ticket {ticket}, which has no reservation",
            order.id
        ),
    };
    Some(violation(ticket, order.id, message))
}

fn idle_reservation(snapshot: &Snapshot, ticket: ObjectId, order: ObjectId) -> Option<Violation> {
    if order == ticket {
        return not_withdrawn(snapshot, ticket);
    }
    let message = match snapshot.databases.orders.get(&order) {
        None => format!("ticket {ticket} is reserved for order {order}, which does not exist"),
        Some(found) if !found.status.is_live() => {
            format!("ticket {ticket} is reserved for order {order}, which is {found}")
        }
        Some(found) if found.ticket.id != ticket => format!(
            "ticket {ticket} is reserved for order {order}, which is of ticket {}",
            found.ticket.id
        ),
        Some(_) => return None,
    };
    Some(violation(ticket, order, message))
}

/// The orders service may reserve a ticket for itself only if it is withdrawn.
fn not_withdrawn(snapshot: &Snapshot, ticket: ObjectId) -> Option<Violation> {
    let stored = snapshot.databases.tickets.get(&ticket)?;
    let message = format!("ticket {ticket} ({stored}) is reserved as if it were withdrawn");
    (!stored.is_withdrawn()).then(|| violation(ticket, ticket, message))
}

/// A withdrawn ticket must be reserved for itself, so that nobody can order it.
fn orderable(snapshot: &Snapshot, ticket: &Ticket) -> Option<Violation> {
    let id = ticket.id;
    let reserved = snapshot.reservations.get(&id);
    let message = format!("ticket {id} was withdrawn and is reserved for {reserved:?}");
    (ticket.is_withdrawn() && reserved != Some(&id)).then(|| violation(id, id, message))
}

fn wrongly_held(snapshot: &Snapshot, ticket: &Ticket) -> Option<Violation> {
    let holder = ticket.holder()?;
    let message = match snapshot.databases.orders.get(&holder) {
        None => "which does not exist".to_owned(),
        Some(order) if !order.status.is_live() => format!("which is {order}"),
        Some(order) if order.ticket.id != ticket.id => {
            format!("which is of ticket {}", order.ticket.id)
        }
        Some(_) => return None,
    };
    let message = format!(
        "ticket {} ({ticket}) is held by order {holder}, {message}",
        ticket.id
    );
    Some(violation(ticket.id, holder, message))
}
