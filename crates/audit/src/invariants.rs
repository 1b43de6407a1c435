//! What must always hold, each a pure function of what was read: a finding can be planted in a test, and seen.

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
use super::documents::Standing;
use super::sightings::Sightings;
use super::snapshot::{Backlogs, DeadLetter, Reach, Snapshot, Stream};
use super::violation::{Invariant, Violation};

/// What one look is enough for. While things settle there may be such findings; in the end there must be none.
pub(crate) fn of_state(snapshot: &Snapshot) -> Vec<Violation> {
    let mut violations = of_entities(snapshot);
    violations.extend(money::totals(snapshot));
    violations.extend(of_consumers(&snapshot.backlogs, &snapshot.dead_letters));
    violations
}

/// What is said of tickets, orders and payments one by one: a snapshot may hold some of them only, with all that
/// belongs to them.
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

/// What consumers left undone.
pub(crate) fn of_consumers(backlogs: &Backlogs, letters: &[DeadLetter]) -> Vec<Violation> {
    effects::of_consumers(backlogs, letters)
}

/// What the stream has to say about these entities.
pub(crate) fn of_stream(snapshot: &Snapshot, stream: &Stream) -> Vec<Violation> {
    let mut violations = versions::check(snapshot, stream);
    violations.extend(histories::check(snapshot, stream));
    violations
}

/// That two accounts have one address.
pub(crate) fn shared_address(email: &str, one: ObjectId, other: ObjectId) -> Violation {
    promises::shared_address(email, one, other)
}

/// What the stream and the answers of the API have to say as well.
pub(crate) fn of_history(
    snapshot: &Snapshot,
    stream: &Stream,
    acknowledged: &[Acknowledged],
) -> Vec<Violation> {
    let mut violations = of_stream(snapshot, stream);
    violations.extend(promises::check(snapshot, stream, acknowledged));
    violations
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
    let (complete, ledger) = (complete.count(), &snapshot.ledger);
    let (charges, taken, refunded) = (ledger.charges.len(), ledger.charged(), ledger.refunded());
    let outboxes = tickets + orders + payments;
    let (consumers, letters) = (snapshot.backlogs.len(), snapshot.dead_letters.len());
    let told = stream.events.len();
    let whole = if stream.reach == Reach::Everything {
        ""
    } else {
        ", begun anew"
    };
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
                "{complete} complete orders, {charges} charges of {taken} cents, {refunded} cents refunded"
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
                ledger.declined.len()
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
