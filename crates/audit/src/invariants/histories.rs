//! I3 in the stream: every change was published, and took effect exactly once.

use std::collections::BTreeSet;

use bson::oid::ObjectId;

use crate::documents::{Order, OrderStatus, Payment, PaymentStatus, Ticket};
use crate::events::{EventIndex, Kind, TicketState, Versions};
use crate::snapshot::{Snapshot, Stream};
use crate::violation::{Invariant, Violation};

/// How many events an outbox holds.
const OUTBOX_LIMIT: i64 = 64;

pub(super) fn check(snapshot: &Snapshot, stream: &Stream) -> Vec<Violation> {
    let index = EventIndex::new(stream);
    let databases = &snapshot.databases;
    let is_complete = stream.is_complete();
    let tickets = databases.tickets.values();
    let tickets = tickets.filter(|ticket| stream.must_contain(ticket.id));
    let unpublished = tickets.filter_map(|ticket| unpublished_ticket(&index, is_complete, ticket));
    let changes = index.all(Kind::Ticket);
    let changes = changes.flat_map(|(id, versions)| changes_of_ticket(id, versions));
    let orders = databases.orders.values();
    let orders = orders.filter(|order| stream.must_contain(order.id));
    let orders = orders.flat_map(|order| of_order(&index, is_complete, order));
    let payments = databases.payments.values();
    let payments = payments.filter(|payment| stream.must_contain(payment.id));
    let payments = payments.filter_map(|payment| unpublished_payment(&index, payment));
    unpublished
        .chain(changes)
        .chain(orders)
        .chain(payments)
        .collect()
}

fn violation(id: ObjectId, message: String) -> Violation {
    Violation::new(Invariant::I3, [&id], message)
}

/// To a new stream only the present version is published. And while the broker is unavailable, a full outbox drops the
/// oldest events of a ticket, so only that many of the latest versions must be in the stream.
fn unpublished_ticket(
    index: &EventIndex<'_>,
    is_complete: bool,
    ticket: &Ticket,
) -> Option<Violation> {
    let versions = index.get(Kind::Ticket, ticket.id);
    let is_published = |version| versions.is_some_and(|versions| versions.contains_key(&version));
    let first = if is_complete {
        (ticket.version + 1 - OUTBOX_LIMIT).max(0)
    } else {
        ticket.version
    };
    let missing = (first..=ticket.version).find(|version| !is_published(*version))?;
    let message = format!(
        "ticket {} is ({ticket}), and version {missing} is not in the stream",
        ticket.id
    );
    Some(violation(ticket.id, message))
}

/// Each step from one version to the next must be a hold, a release, an edit or a withdrawal, and no order may hold the
/// ticket twice.
fn changes_of_ticket(id: ObjectId, versions: &Versions<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut holders = BTreeSet::new();
    let mut before: Option<(i64, TicketState<'_>)> = None;
    let mut was_withdrawn = false;
    for (&version, events) in versions {
        let Some(first) = events.first() else {
            continue;
        };
        let now = TicketState::of(&first.body);
        let step = before.filter(|(earlier, _)| earlier + 1 == version);
        if let Some((_, earlier)) = step
            && let Err(reason) = explain(&earlier, &now, was_withdrawn)
        {
            let message =
                format!("ticket {id} {reason} in version {version}: from {earlier:?} to {now:?}");
            violations.push(violation(id, message));
        }
        let holder_before = before.and_then(|(_, earlier)| earlier.holder);
        if let Some(holder) = now.holder
            && holder_before != Some(holder)
            && !holders.insert(holder)
        {
            let message = format!(
                "ticket {id} was held by order {holder} a second time in version {version}"
            );
            violations.push(violation(id, message));
        }
        was_withdrawn |= now.withdrawn;
        before = Some((version, now));
    }
    violations
}

fn explain(
    before: &TicketState<'_>,
    after: &TicketState<'_>,
    was_withdrawn: bool,
) -> Result<(), &'static str> {
    if before.seller != after.seller {
        return Err("changed its seller");
    }
    let edited = (before.title, before.cents) != (after.title, after.cents);
    if before.withdrawn && after.holder.is_none() {
        return Err("changed after it was withdrawn");
    }
    // A ticket that was sold in spite of its withdrawal is withdrawn again after a refund.
    if before.holder.is_some() && after.withdrawn && !was_withdrawn {
        return Err("was withdrawn while it was held");
    }
    match (before.holder, after.holder) {
        (Some(_), _) | (_, Some(_)) if edited => Err("was edited while it was held"),
        (Some(before), Some(after)) if before == after => Err("did not change while it was held"),
        (Some(_), Some(_)) => Err("went from one order to another"),
        _ => Ok(()),
    }
}

fn of_order(index: &EventIndex<'_>, is_complete: bool, order: &Order) -> Vec<Violation> {
    let id = order.id;
    let versions = index.get(Kind::Order, id);
    let is_published = |version| versions.is_some_and(|versions| versions.contains_key(&version));
    let mut found = Vec::new();
    if versions.is_none() || (is_complete && !is_published(0)) {
        found.push(format!(
            "the creation of order {id} ({order}) is not in the stream"
        ));
    }
    if order.status == OrderStatus::Cancelled && !is_published(order.version) {
        found.push(format!(
            "the cancellation of order {id} ({order}) is not in the stream"
        ));
    }
    let expired = order.reason.as_deref() == Some("expired");
    if is_complete && expired && index.get(Kind::Expiration, id).is_none() {
        found.push(format!(
            "the expiration of order {id} ({order}) is not in the stream"
        ));
    }
    let ordered = &order.ticket;
    if let Some(ticket) = index.ticket(ordered.id, ordered.version)
        && (ticket.title != ordered.title || ticket.cents != ordered.price_cents)
    {
        found.push(format!(
            "order {id} is of {ordered:?}, which in that version was {ticket:?}"
        ));
    }
    found
        .into_iter()
        .map(|message| violation(id, message))
        .collect()
}

fn unpublished_payment(index: &EventIndex<'_>, payment: &Payment) -> Option<Violation> {
    let subject = match payment.status {
        PaymentStatus::Open => return None,
        PaymentStatus::Succeeded { .. } | PaymentStatus::RefundDue { .. } => "payment:created",
        PaymentStatus::Refunded { .. } => "payment:refunded",
    };
    let id = payment.id;
    let versions = index.get(Kind::Payment, id).into_iter();
    let mut events = versions.flat_map(|versions| versions.values().flatten());
    let is_published = events.any(|event| event.subject == subject);
    (!is_published).then(|| {
        let message = format!("payment {id} ({payment}) has no {subject} in the stream");
        violation(id, message)
    })
}
