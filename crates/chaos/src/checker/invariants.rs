//! What must always hold, each a pure function of what was read: a finding can be planted in a test, and seen.

mod acknowledged;
mod agreement;
mod effects;
mod histories;
mod lateness;
mod money;
mod ownership;
mod payments;
#[cfg(test)]
mod tests;
mod versions;

use super::documents::Standing;
use super::sightings::Sightings;
use super::snapshot::{Snapshot, Stream};
use super::violation::{Invariant, Violation};
use crate::history::Acknowledged;

/// What one look is enough for. While things settle there may be such findings; in the end there must be none.
pub(crate) fn of_state(snapshot: &Snapshot) -> Vec<Violation> {
    [
        ownership::check(snapshot),
        money::check(snapshot),
        lateness::check(snapshot),
        payments::check(snapshot),
        effects::check(snapshot),
        agreement::check(snapshot),
    ]
    .concat()
}

/// What the stream and the answers of the API have to say as well.
pub(crate) fn of_history(
    snapshot: &Snapshot,
    stream: &Stream,
    acknowledged: &[Acknowledged],
) -> Vec<Violation> {
    [
        versions::check(snapshot, stream),
        histories::check(snapshot, stream),
        acknowledged::check(snapshot, stream, acknowledged),
    ]
    .concat()
}

/// What was looked at, in figures.
pub(crate) fn summary(
    snapshot: &Snapshot,
    stream: &Stream,
    acknowledged: &[Acknowledged],
    sightings: &Sightings,
) -> Vec<(Invariant, String)> {
    let databases = &snapshot.databases;
    let (tickets, orders) = (databases.tickets.len(), databases.orders.len());
    let (payments, reservations) = (databases.payments.len(), snapshot.reservations.len());
    let complete = databases.orders.values();
    let complete = complete.filter(|order| order.status == Standing::Complete);
    let (complete, charges) = (complete.count(), snapshot.ledger.charges.len());
    let totals = snapshot.ledger.totals;
    let outboxes = tickets + orders + payments;
    let (consumers, letters) = (snapshot.backlogs.len(), snapshot.dead_letters.len());
    let told = stream.events.len();
    let whole = if stream.whole { "" } else { ", begun anew" };
    let looks = sightings.looks;
    let unpaid = sightings.orders_seen_active();
    let replicas = databases.ticket_replicas.len() + databases.order_replicas.len();
    let (accounts, promises) = (snapshot.users.len(), acknowledged.len());
    vec![
        (
            Invariant::I1,
            format!("{tickets} tickets, {orders} orders, {reservations} reservations"),
        ),
        (
            Invariant::I2,
            format!(
                "{complete} complete orders, {charges} charges of {} cents, {} cents refunded",
                totals.charged, totals.refunded
            ),
        ),
        (
            Invariant::I3,
            format!(
                "{outboxes} outboxes, {consumers} consumers, {letters} dead letters, {told} events in the stream{whole}"
            ),
        ),
        (
            Invariant::I4,
            format!("{looks} looks at all versions, {told} events"),
        ),
        (
            Invariant::I5,
            format!(
                "{payments} payments, {} declined attempts",
                totals.declined_attempts
            ),
        ),
        (
            Invariant::I6,
            format!("{unpaid} orders seen unpaid in {looks} looks"),
        ),
        (Invariant::I7, format!("{replicas} replicas")),
        (
            Invariant::I8,
            format!("{promises} acknowledgements, {accounts} accounts"),
        ),
    ]
}
