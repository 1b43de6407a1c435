//! I5: a payment that came too late ends in a complete order or a full refund, never neither, never both.

use std::time::Duration;

use bson::oid::ObjectId;
use common::Timestamp;

use crate::documents::{Order, Payment, Standing, moment};
use crate::ledger::Charge;
use crate::snapshot::Snapshot;
use crate::violation::{Invariant, Violation};

/// How long after an order's time a charge may still be made at Stripe that was sent before: a call and its wait for a
/// turn take eight seconds, Stripe's stand-in may sleep nine on it, and it counts in whole seconds.
const UNDER_WAY: Duration = Duration::from_secs(20);

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let orders = &snapshot.databases.orders;
    let charged = snapshot.ledger.charges.iter().filter_map(|charge| {
        let order = orders.get(&charge.order?)?;
        Some((charge, order))
    });
    let found = charged.flat_map(|(charge, order)| {
        let found = [
            neither_or_both(snapshot, charge, order),
            too_late(charge, order),
            unaccounted(snapshot, charge, order.id),
        ];
        let found = found.into_iter().flatten();
        found.map(|words| Violation::new(Invariant::I5, [&order.id], words))
    });
    found.collect()
}

fn neither_or_both(snapshot: &Snapshot, charge: &Charge, order: &Order) -> Option<String> {
    let id = order.id;
    let (name, amount, refunded) = (&charge.id, charge.amount, charge.went_back());
    // A part that was given back out of goodwill leaves the order complete, if the payment knows of it.
    let payment = snapshot.databases.payments.get(&id);
    let goodwill = payment.map_or(0, Payment::given_back);
    match order.status {
        Standing::Cancelled if !charge.is_refunded() => Some(format!(
            "of the charge {name} of {amount} cents for order {id} ({order}) {refunded} were refunded"
        )),
        Standing::Complete if refunded != goodwill || refunded >= amount => Some(format!(
            "of the charge {name} of {amount} cents for order {id} ({order}) {refunded} were refunded"
        )),
        Standing::Created | Standing::AwaitingPayment => Some(format!(
            "order {id} ({order}) was charged by {name} and is neither complete nor cancelled"
        )),
        Standing::Cancelled | Standing::Complete => None,
    }
}

fn too_late(charge: &Charge, order: &Order) -> Option<String> {
    let made = Timestamp::from_milliseconds(charge.created?.saturating_mul(1_000));
    let expires_at = moment(order.expires_at);
    (made > expires_at.plus(UNDER_WAY)).then(|| {
        let (id, name) = (order.id, &charge.id);
        format!("order {id} could be paid until {expires_at} and was charged by {name} at {made}")
    })
}

/// Whether the payment knows of the charge.
fn unaccounted(snapshot: &Snapshot, charge: &Charge, order: ObjectId) -> Option<String> {
    let name = &charge.id;
    let Some(payment) = snapshot.databases.payments.get(&order) else {
        return Some(format!(
            "charge {name} of order {order} is of no payment of ours"
        ));
    };
    let known = payment.status.charge();
    if known != Some((charge.intent.as_str(), name.as_str())) {
        let known = known.map_or("none", |(_, known)| known);
        return Some(format!(
            "order {order} was charged by {name}; its payment ({payment}) knows of {known}"
        ));
    }
    (charge.payment != Some(payment.id)).then(|| {
        let named = charge.payment.map_or("none".to_owned(), ObjectId::to_hex);
        let payment = payment.id;
        format!("order {order} was charged by {name} for payment {named}; its payment is {payment}")
    })
}
