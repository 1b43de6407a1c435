//! I8: whatever the API said was done is in the databases.

use std::collections::{BTreeMap, HashSet};

use bson::oid::ObjectId;

use crate::acknowledged::Acknowledged;
use crate::documents::{Money, Standing, Ticket, moment, stored};
use crate::snapshot::{Snapshot, Stream};
use crate::told::Tales;
use crate::violation::{Invariant, Violation};

pub(super) fn check(
    snapshot: &Snapshot,
    stream: &Stream,
    acknowledged: &[Acknowledged],
) -> Vec<Violation> {
    let tales = Tales::new(stream);
    let broken = acknowledged.iter().filter_map(|promise| {
        let (id, words) = broken(snapshot, &tales, promise)?;
        Some(violation(
            id,
            format!("{promise:?} was acknowledged, and {words}"),
        ))
    });
    let mut violations: Vec<_> = broken.collect();
    violations.extend(lost_edits(snapshot, acknowledged));
    violations.extend(shared_addresses(snapshot));
    violations
}

fn violation(id: ObjectId, words: String) -> Violation {
    Violation::new(Invariant::I8, [&id], words)
}

/// What breaks the promise, if it is broken.
fn broken(
    snapshot: &Snapshot,
    tales: &Tales<'_>,
    promise: &Acknowledged,
) -> Option<(ObjectId, String)> {
    let databases = &snapshot.databases;
    match promise {
        Acknowledged::SignedUp { user, email } => {
            let id = stored(*user);
            let found = snapshot.users.get(&id);
            // Addresses are kept in one spelling.
            let kept = found.is_some_and(|found| *found == email.trim().to_lowercase());
            (!kept).then(|| (id, format!("the account's address is {found:?}")))
        }
        Acknowledged::TicketCreated {
            ticket,
            seller,
            title,
            price,
        } => {
            let id = stored(*ticket);
            let Some(found) = databases.tickets.get(&id) else {
                return Some((id, "there is no such ticket".to_owned()));
            };
            if found.user_id != stored(*seller) {
                return Some((id, format!("the seller is {}", found.user_id)));
            }
            let wrong = differs(found, tales, 0, title, price.cents())?;
            Some((id, wrong))
        }
        Acknowledged::TicketEdited {
            ticket,
            version,
            title,
            price,
        } => {
            let id = stored(*ticket);
            let Some(found) = databases.tickets.get(&id) else {
                return Some((id, "there is no such ticket".to_owned()));
            };
            let version = i64::try_from(*version).unwrap_or(i64::MAX);
            let wrong = differs(found, tales, version, title, price.cents())?;
            Some((id, wrong))
        }
        Acknowledged::TicketWithdrawn { ticket } => {
            let id = stored(*ticket);
            Some((id, still_for_sale(snapshot, id)?))
        }
        Acknowledged::OrderPlaced { .. } | Acknowledged::OrderCancelled { .. } => {
            broken_order(snapshot, promise)
        }
        Acknowledged::Paid { order, payment } => {
            let (order, payment) = (stored(*order), stored(*payment));
            Some((order, unpaid(snapshot, order, payment)?))
        }
    }
}

/// How the ticket, or what was told of this version of it, differs from what was acknowledged.
fn differs(
    found: &Ticket,
    tales: &Tales<'_>,
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
    let told = tales.ticket(found.id, version)?;
    ((told.title, told.cents) != acknowledged)
        .then(|| format!("version {version} was told of as {told:?}"))
}

/// How a withdrawn ticket can still be bought. One whose order was paid before the withdrawal is sold.
fn still_for_sale(snapshot: &Snapshot, id: ObjectId) -> Option<String> {
    let Some(found) = snapshot.databases.tickets.get(&id) else {
        return Some("there is no such ticket".to_owned());
    };
    let holder = found.holder();
    let holder = holder.and_then(|order| snapshot.databases.orders.get(&order));
    let is_sold = holder.is_some_and(|order| order.status == Standing::Complete);
    (!found.is_withdrawn() && !is_sold).then(|| format!("the ticket is ({found})"))
}

fn broken_order(snapshot: &Snapshot, promise: &Acknowledged) -> Option<(ObjectId, String)> {
    let (Acknowledged::OrderPlaced { order, .. } | Acknowledged::OrderCancelled { order }) =
        promise
    else {
        return None;
    };
    let id = stored(*order);
    let Some(found) = snapshot.databases.orders.get(&id) else {
        return Some((id, "there is no such order".to_owned()));
    };
    let kept = match promise {
        Acknowledged::OrderPlaced {
            ticket,
            buyer,
            price,
            expires_at,
            ..
        } => {
            found.ticket.id == stored(*ticket)
                && found.user_id == stored(*buyer)
                && found.ticket.price_cents == price.cents()
                && moment(found.expires_at) == *expires_at
        }
        _ => found.status == Standing::Cancelled,
    };
    let (ticket, buyer) = (found.ticket.id, found.user_id);
    (!kept).then(|| {
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
        (Money::Succeeded { .. }, Some(Standing::Complete))
        | (Money::Refunded { .. }, Some(Standing::Cancelled)) => None,
        (_, Some(status)) => Some(format!("the payment is ({found}), its order {status}")),
        (_, None) => Some(format!("the payment is ({found}), its order is gone")),
    }
}

/// Two edits that were told of one version: one of them lost the other.
fn lost_edits(snapshot: &Snapshot, acknowledged: &[Acknowledged]) -> Vec<Violation> {
    let mut seen = HashSet::new();
    let edits = acknowledged.iter().filter_map(|promise| match promise {
        Acknowledged::TicketEdited {
            ticket, version, ..
        } => Some((stored(*ticket), *version)),
        _ => None,
    });
    let twice = edits.filter(|edit| !seen.insert(*edit));
    let twice = twice.map(|(ticket, version)| {
        let found = snapshot.databases.tickets.get(&ticket);
        let found = found.map_or_else(|| "gone".to_owned(), ToString::to_string);
        let words = format!(
            "two edits of ticket {ticket} were acknowledged as version {version}; it is ({found})"
        );
        violation(ticket, words)
    });
    twice.collect()
}

/// Nobody knows whose account an address is then.
pub(super) fn shared_address(email: &str, one: ObjectId, other: ObjectId) -> Violation {
    let words = format!("accounts {one} and {other} have the same address {email}");
    violation(other, words)
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
