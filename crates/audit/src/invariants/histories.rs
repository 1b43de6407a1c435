//! I3, as the stream shows it: everything that happened was told, and took effect once and not twice.

use std::collections::BTreeSet;

use bson::oid::ObjectId;

use crate::documents::{Money, Order, Payment, Standing, Ticket};
use crate::snapshot::{Snapshot, Stream};
use crate::told::{Kind, Tales, TicketTale, Versions};
use crate::violation::{Invariant, Violation};

/// How many events an outbox holds.
const OUTBOX_LIMIT: i64 = 64;

pub(super) fn check(snapshot: &Snapshot, stream: &Stream) -> Vec<Violation> {
    let tales = Tales::new(stream);
    let databases = &snapshot.databases;
    let tickets = databases.tickets.values();
    let tickets = tickets.filter(|ticket| stream.must_tell_of(ticket.id));
    let told_tickets =
        tickets.filter_map(|ticket| untold_ticket(&tales, stream.is_whole(), ticket));
    let lives = tales.all(Kind::Ticket);
    let lives = lives.flat_map(|(id, versions)| life_of_ticket(id, versions));
    let orders = databases.orders.values();
    let orders = orders.filter(|order| stream.must_tell_of(order.id));
    let orders = orders.flat_map(|order| of_order(&tales, stream.is_whole(), order));
    let payments = databases.payments.values();
    let payments = payments.filter(|payment| stream.must_tell_of(payment.id));
    let payments = payments.filter_map(|payment| untold_payment(&tales, payment));
    told_tickets
        .chain(lives)
        .chain(orders)
        .chain(payments)
        .collect()
}

fn violation(id: ObjectId, words: String) -> Violation {
    Violation::new(Invariant::I3, [&id], words)
}

/// To a broker that lost its data only the present version is published again. And while the broker is away, the oldest
/// events of a ticket leave a full outbox, so only as many of the latest versions must be in the stream.
fn untold_ticket(tales: &Tales<'_>, whole: bool, ticket: &Ticket) -> Option<Violation> {
    let versions = tales.get(Kind::Ticket, ticket.id);
    let is_told = |version| versions.is_some_and(|versions| versions.contains_key(&version));
    let first = if whole {
        (ticket.version + 1 - OUTBOX_LIMIT).max(0)
    } else {
        ticket.version
    };
    let untold = (first..=ticket.version).find(|version| !is_told(*version))?;
    let words = format!(
        "ticket {} is ({ticket}), and version {untold} is not in the stream",
        ticket.id
    );
    Some(violation(ticket.id, words))
}

/// Every step from one version to the next is a hold, a release or an edit, and no order holds the ticket twice.
fn life_of_ticket(id: ObjectId, versions: &Versions<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut held = BTreeSet::new();
    let mut before: Option<(i64, TicketTale<'_>)> = None;
    let mut was_withdrawn = false;
    for (&version, told) in versions {
        let Some(first) = told.first() else { continue };
        let now = TicketTale::of(&first.body);
        let step = before.filter(|(earlier, _)| earlier + 1 == version);
        if let Some((_, earlier)) = step
            && let Err(reason) = explain(&earlier, &now, was_withdrawn)
        {
            let words =
                format!("ticket {id} {reason} in version {version}: from {earlier:?} to {now:?}");
            violations.push(violation(id, words));
        }
        let holder_before = before.and_then(|(_, earlier)| earlier.holder);
        if let Some(holder) = now.holder
            && holder_before != Some(holder)
            && !held.insert(holder)
        {
            let words = format!(
                "ticket {id} was held by order {holder} a second time in version {version}"
            );
            violations.push(violation(id, words));
        }
        was_withdrawn |= now.withdrawn;
        before = Some((version, now));
    }
    violations
}

fn explain(
    before: &TicketTale<'_>,
    after: &TicketTale<'_>,
    was_withdrawn: bool,
) -> Result<(), &'static str> {
    if before.seller != after.seller {
        return Err("changed its seller");
    }
    let edited = (before.title, before.cents) != (after.title, after.cents);
    if before.withdrawn && after.holder.is_none() {
        return Err("changed after it was withdrawn");
    }
    // Sold before it was withdrawn, it is off sale again after a refund.
    if before.holder.is_some() && after.withdrawn && !was_withdrawn {
        return Err("was withdrawn while it was held");
    }
    match (before.holder, after.holder) {
        (Some(_), _) | (_, Some(_)) if edited => Err("was edited while it was held"),
        (Some(before), Some(after)) if before == after => {
            Err("changed in nothing while it was held")
        }
        (Some(_), Some(_)) => Err("went from one order to another"),
        _ => Ok(()),
    }
}

fn of_order(tales: &Tales<'_>, whole: bool, order: &Order) -> Vec<Violation> {
    let id = order.id;
    let told = tales.get(Kind::Order, id);
    let is_told = |version| told.is_some_and(|versions| versions.contains_key(&version));
    let mut found = Vec::new();
    if told.is_none() || (whole && !is_told(0)) {
        found.push(format!(
            "order {id} ({order}) was made and the stream does not say so"
        ));
    }
    if order.status == Standing::Cancelled && !is_told(order.version) {
        found.push(format!(
            "order {id} ({order}) was cancelled and the stream does not say so"
        ));
    }
    let expired = order.reason.as_deref() == Some("expired");
    if whole && expired && tales.get(Kind::Expiration, id).is_none() {
        found.push(format!(
            "order {id} ({order}) expired and the stream does not say so"
        ));
    }
    let ordered = &order.ticket;
    if let Some(ticket) = tales.ticket(ordered.id, ordered.version)
        && (ticket.title != ordered.title || ticket.cents != ordered.price_cents)
    {
        found.push(format!(
            "order {id} is of {ordered:?}, which in that version was {ticket:?}"
        ));
    }
    found
        .into_iter()
        .map(|words| violation(id, words))
        .collect()
}

fn untold_payment(tales: &Tales<'_>, payment: &Payment) -> Option<Violation> {
    let subject = match payment.status {
        Money::Open => return None,
        Money::Succeeded { .. } | Money::RefundDue { .. } => "payment:created",
        Money::Refunded { .. } => "payment:refunded",
    };
    let id = payment.id;
    let told = tales.get(Kind::Payment, id);
    let mut events = told
        .into_iter()
        .flat_map(|versions| versions.values().flatten());
    let is_told = events.any(|event| event.subject == subject);
    (!is_told).then(|| {
        let words = format!("payment {id} ({payment}) was never told of by a {subject}");
        violation(id, words)
    })
}
