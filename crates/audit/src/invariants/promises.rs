//! I8: what the API acknowledged is in the databases.

use std::collections::{BTreeMap, HashSet};

use bson::oid::ObjectId;

use crate::acknowledged::Acknowledged;
use crate::documents::{OrderStatus, PaymentStatus, Ticket, object_id, timestamp};
use crate::events::EventIndex;
use crate::snapshot::{Snapshot, Stream};
use crate::violation::{Invariant, Violation};

pub(super) fn check(
    snapshot: &Snapshot,
    stream: &Stream,
    acknowledged: &[Acknowledged],
) -> Vec<Violation> {
    let index = EventIndex::new(stream);
    let broken = acknowledged.iter().filter_map(|promise| {
        let (id, message) = broken(snapshot, &index, promise)?;
        Some(violation(
            id,
            format!("{promise:?} was acknowledged, and {message}"),
        ))
    });
    let mut violations: Vec<_> = broken.collect();
    violations.extend(lost_edits(snapshot, acknowledged));
    violations.extend(shared_addresses(snapshot));
    violations
}

fn violation(id: ObjectId, message: String) -> Violation {
    Violation::new(Invariant::I8, [&id], message)
}

/// The entity and the reason, if the promise is broken.
fn broken(
    snapshot: &Snapshot,
    index: &EventIndex<'_>,
    promise: &Acknowledged,
) -> Option<(ObjectId, String)> {
    let databases = &snapshot.databases;
    match promise {
        Acknowledged::SignedUp { user, email } => {
            let id = object_id(*user);
            let found = snapshot.users.get(&id);
            // Addresses are stored in one spelling.
            let is_stored = found.is_some_and(|found| *found == email.trim().to_lowercase());
            (!is_stored).then(|| (id, format!("the account's address is {found:?}")))
        }
        Acknowledged::TicketCreated {
            ticket,
            seller,
            title,
            price,
        } => {
            let id = object_id(*ticket);
            let Some(found) = databases.tickets.get(&id) else {
                return Some((id, "there is no such ticket".to_owned()));
            };
            if found.user_id != object_id(*seller) {
                return Some((id, format!("the seller is {}", found.user_id)));
            }
            let wrong = differs(found, index, 0, title, price.cents())?;
            Some((id, wrong))
        }
        Acknowledged::TicketEdited {
            ticket,
            version,
            title,
            price,
        } => {
            let id = object_id(*ticket);
            let Some(found) = databases.tickets.get(&id) else {
                return Some((id, "there is no such ticket".to_owned()));
            };
            let version = i64::try_from(*version).unwrap_or(i64::MAX);
            let wrong = differs(found, index, version, title, price.cents())?;
            Some((id, wrong))
        }
        Acknowledged::TicketWithdrawn { ticket } => {
            let id = object_id(*ticket);
            Some((id, still_for_sale(snapshot, id)?))
        }
        Acknowledged::OrderPlaced { .. } | Acknowledged::OrderCancelled { .. } => {
            broken_order(snapshot, promise)
        }
        Acknowledged::Paid { order, payment } => {
            let (order, payment) = (object_id(*order), object_id(*payment));
            Some((order, unpaid(snapshot, order, payment)?))
        }
    }
}

/// How the ticket, or the event of this version, differs from what was acknowledged.
fn differs(
    found: &Ticket,
    index: &EventIndex<'_>,
    version: i64,
    title: &str,
    cents: i64,
) -> Option<String> {
    let acknowledged = (title.trim(), cents);
    if found.version < version {
        return Some(format!("the ticket is ({found})"));
    }
    if found.version == version && (found.title.as_str(), found.price_cents) != acknowledged {
        return Some(format!("the ticket is ({found})"));
    }
    let published = index.ticket(found.id, version)?;
    ((published.title, published.cents) != acknowledged)
        .then(|| format!("version {version} was published as {published:?}"))
}

/// Why a withdrawn ticket can still be bought. A ticket whose order was paid before the withdrawal is sold.
fn still_for_sale(snapshot: &Snapshot, id: ObjectId) -> Option<String> {
    let Some(found) = snapshot.databases.tickets.get(&id) else {
        return Some("there is no such ticket".to_owned());
    };
    let holder = found.holder();
    let holder = holder.and_then(|order| snapshot.databases.orders.get(&order));
    let is_sold = holder.is_some_and(|order| order.status == OrderStatus::Complete);
    (!found.is_withdrawn() && !is_sold).then(|| format!("the ticket is ({found})"))
}

fn broken_order(snapshot: &Snapshot, promise: &Acknowledged) -> Option<(ObjectId, String)> {
    let (Acknowledged::OrderPlaced { order, .. } | Acknowledged::OrderCancelled { order }) =
        promise
    else {
        return None;
    };
    let id = object_id(*order);
    let Some(found) = snapshot.databases.orders.get(&id) else {
        return Some((id, "there is no such order".to_owned()));
    };
    let is_stored = match promise {
        Acknowledged::OrderPlaced {
            ticket,
            buyer,
            price,
            expires_at,
            ..
        } => {
            found.ticket.id == object_id(*ticket)
                && found.user_id == object_id(*buyer)
                && found.ticket.price_cents == price.cents()
                && timestamp(found.expires_at) == *expires_at
        }
        _ => found.status == OrderStatus::Cancelled,
    };
    let (ticket, buyer) = (found.ticket.id, found.user_id);
    (!is_stored).then(|| {
        (
            id,
            format!("the order is ({found}) of ticket {ticket}, by {buyer}"),
        )
    })
}

fn unpaid(snapshot: &Snapshot, order: ObjectId, payment: ObjectId) -> Option<String> {
    let databases = &snapshot.databases;
    let Some(found) = databases.payments.get(&order) else {
        return Some("the order has no payment".to_owned());
    };
    if found.id != payment {
        return Some(format!("the order's payment is {} ({found})", found.id));
    }
    let status = databases.orders.get(&order).map(|order| order.status);
    match (&found.status, status) {
        (PaymentStatus::Succeeded { .. }, Some(OrderStatus::Complete))
        | (PaymentStatus::Refunded { .. }, Some(OrderStatus::Cancelled)) => None,
        (_, Some(status)) => Some(format!("the payment is ({found}), its order {status}")),
        (_, None) => Some(format!("the payment is ({found}), its order is gone")),
    }
}

/// Two edits that were acknowledged with the same version: one of them was lost.
fn lost_edits(snapshot: &Snapshot, acknowledged: &[Acknowledged]) -> Vec<Violation> {
    let mut seen = HashSet::new();
    let edits = acknowledged.iter().filter_map(|promise| match promise {
        Acknowledged::TicketEdited {
            ticket, version, ..
        } => Some((object_id(*ticket), *version)),
        _ => None,
    });
    let twice = edits.filter(|edit| !seen.insert(*edit));
    let twice = twice.map(|(ticket, version)| {
        let found = snapshot.databases.tickets.get(&ticket);
        let found = found.map_or_else(|| "gone".to_owned(), ToString::to_string);
        let message = format!(
            "two edits of ticket {ticket} were acknowledged as version {version}; it is ({found})"
        );
        violation(ticket, message)
    });
    twice.collect()
}

/// An address must belong to one account.
pub(super) fn shared_address(email: &str, one: ObjectId, other: ObjectId) -> Violation {
    let message = format!("accounts {one} and {other} have the same address {email}");
    violation(other, message)
}

fn shared_addresses(snapshot: &Snapshot) -> Vec<Violation> {
    let mut accounts: BTreeMap<&str, ObjectId> = BTreeMap::new();
    let mut violations = Vec::new();
    for (id, email) in &snapshot.users {
        if let Some(other) = accounts.insert(email, *id) {
            violations.push(shared_address(email, other, *id));
        }
    }
    violations
}
