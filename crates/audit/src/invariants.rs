//! The invariants, each a pure function of the data: tests plant a violation of each and expect it to be found.

mod agreement;
mod effects;
mod histories;
mod lateness;
mod money;
mod ownership;
mod payments;
mod promises;
#[cfg(test)]
mod tests;
mod versions;

use bson::oid::ObjectId;

use super::acknowledged::Acknowledged;
use super::documents::OrderStatus;
use super::observer::Observer;
use super::snapshot::{Backlogs, DeadLetter, Snapshot, Stream};
use super::violation::{Invariant, Violation};

/// Checks every invariant. Data that was not collected (accounts, consumers, dead letters) breaks none.
#[must_use]
pub fn check(
    snapshot: &Snapshot,
    stream: &Stream,
    acknowledged: &[Acknowledged],
) -> Vec<Violation> {
    let mut violations = of_state(snapshot);
    violations.extend(of_history(snapshot, stream, acknowledged));
    violations
}

/// What a snapshot alone shows. Some of it may appear while things settle; at the end there must be none.
pub(crate) fn of_state(snapshot: &Snapshot) -> Vec<Violation> {
    let mut violations = of_entities(snapshot);
    violations.extend(money::totals(snapshot));
    violations.extend(of_consumers(&snapshot.backlogs, &snapshot.dead_letters));
    violations
}

/// Checks tickets, orders and payments one by one. The snapshot may be a part of the fleet's data, if it has everything
/// that belongs to each entity.
pub(crate) fn of_entities(snapshot: &Snapshot) -> Vec<Violation> {
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

/// Events that consumers have not handled.
pub(crate) fn of_consumers(backlogs: &Backlogs, dead_letters: &[DeadLetter]) -> Vec<Violation> {
    effects::of_consumers(backlogs, dead_letters)
}

/// What the events of these entities show.
pub(crate) fn of_stream(snapshot: &Snapshot, stream: &Stream) -> Vec<Violation> {
    let mut violations = versions::check(snapshot, stream);
    violations.extend(histories::check(snapshot, stream));
    violations
}

/// The violation of two accounts that have the same address.
pub(crate) fn shared_address(email: &str, one: ObjectId, other: ObjectId) -> Violation {
    promises::shared_address(email, one, other)
}

/// What the stream and the API's acknowledgements show.
pub(crate) fn of_history(
    snapshot: &Snapshot,
    stream: &Stream,
    acknowledged: &[Acknowledged],
) -> Vec<Violation> {
    let mut violations = of_stream(snapshot, stream);
    violations.extend(promises::check(snapshot, stream, acknowledged));
    violations
}

/// The size of what was checked, by invariant.
pub(crate) fn summary(
    snapshot: &Snapshot,
    stream: &Stream,
    acknowledged: &[Acknowledged],
    observer: &Observer,
) -> Vec<(Invariant, String)> {
    let databases = &snapshot.databases;
    let (tickets, orders) = (databases.tickets.len(), databases.orders.len());
    let (payments, reservations) = (databases.payments.len(), snapshot.reservations.len());
    let complete = databases.orders.values();
    let complete = complete.filter(|order| order.status == OrderStatus::Complete);
    let (complete, ledger) = (complete.count(), &snapshot.ledger);
    let (charges, taken, refunded) = (ledger.charges.len(), ledger.charged(), ledger.refunded());
    let outboxes = tickets + orders + payments;
    let (consumers, dead_letters) = (snapshot.backlogs.len(), snapshot.dead_letters.len());
    let events = stream.events.len();
    let is_new = if stream.is_complete() {
        ""
    } else {
        ", begun anew"
    };
    let samples = observer.samples;
    let unpaid = observer.orders_seen_active();
    let replicas = databases.ticket_replicas.len() + databases.order_replicas.len();
    let accounts = snapshot.users.len();
    let acknowledgements = acknowledged.len();
    vec![
        (
            Invariant::I1,
            format!("{tickets} tickets, {orders} orders, {reservations} reservations"),
        ),
        (
            Invariant::I2,
            format!(
                "{complete} complete orders, {charges} charges of {taken} cents, {refunded} cents refunded"
            ),
        ),
        (
            Invariant::I3,
            format!(
                "{outboxes} outboxes, {consumers} consumers, {dead_letters} dead letters, {events} events in the stream{is_new}"
            ),
        ),
        (
            Invariant::I4,
            format!("{samples} samples of all versions, {events} events"),
        ),
        (
            Invariant::I5,
            format!(
                "{payments} payments, {} declined attempts",
                ledger.declined.len()
            ),
        ),
        (
            Invariant::I6,
            format!("{unpaid} orders seen unpaid in {samples} samples"),
        ),
        (Invariant::I7, format!("{replicas} replicas")),
        (
            Invariant::I8,
            format!("{acknowledgements} acknowledgements, {accounts} accounts"),
        ),
    ]
}
