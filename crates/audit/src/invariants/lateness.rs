//! I5: a payment that came too late ends in a complete order or a full refund, never neither, never both.

use std::time::Duration;

use bson::oid::ObjectId;
use common::Timestamp;

use crate::documents::{Order, OrderStatus, Payment, timestamp};
use crate::ledger::Charge;
use crate::snapshot::Snapshot;
use crate::violation::{Invariant, Violation};

/// How long after an order's expiry Stripe may still make a charge that was requested before it: a call may wait and
/// take eight seconds, Stripe's stand-in may delay it by nine, and Stripe counts in whole seconds.
const LONGEST_CALL: Duration = Duration::from_secs(20);

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
            unrecorded(snapshot, charge, order.id),
        ];
        let found = found.into_iter().flatten();
        found.map(|message| Violation::new(Invariant::I5, [&order.id], message))
    });
    found.collect()
}

fn neither_or_both(snapshot: &Snapshot, charge: &Charge, order: &Order) -> Option<String> {
    let id = order.id;
    let (name, amount, refunded) = (&charge.id, charge.amount, charge.went_back());
    // A partial refund leaves the order complete if the payment recorded it.
    let payment = snapshot.databases.payments.get(&id);
    let recorded = payment.map_or(0, Payment::given_back);
    match order.status {
        OrderStatus::Cancelled if !charge.is_refunded() => Some(format!(
            "of the charge {name} of {amount} cents for order {id} ({order}) {refunded} were refunded"
        )),
        OrderStatus::Complete if refunded != recorded || refunded >= amount => Some(format!(
            "of the charge {name} of {amount} cents for order {id} ({order}) {refunded} were refunded"
        )),
        OrderStatus::Created | OrderStatus::AwaitingPayment => Some(format!(
            "order {id} ({order}) was charged by {name} and is neither complete nor cancelled"
        )),
        OrderStatus::Cancelled | OrderStatus::Complete => None,
    }
}

fn too_late(charge: &Charge, order: &Order) -> Option<String> {
    let made = Timestamp::from_milliseconds(charge.created?.saturating_mul(1_000));
    let expires_at = timestamp(order.expires_at);
    (made > expires_at.plus(LONGEST_CALL)).then(|| {
        let (id, name) = (order.id, &charge.id);
        format!("order {id} could be paid until {expires_at} and was charged by {name} at {made}")
    })
}

/// Whether the payment did not record the charge.
fn unrecorded(snapshot: &Snapshot, charge: &Charge, order: ObjectId) -> Option<String> {
    let name = &charge.id;
    let Some(payment) = snapshot.databases.payments.get(&order) else {
        return Some(format!("charge {name} of order {order} has no payment"));
    };
    let known = payment.status.charge();
    if known != Some((charge.intent.as_str(), name.as_str())) {
        let known = known.map_or("none", |(_, known)| known);
        return Some(format!(
            "order {order} was charged by {name}; its payment ({payment}) recorded {known}"
        ));
    }
    (charge.payment != Some(payment.id)).then(|| {
        let named = charge.payment.map_or("none".to_owned(), ObjectId::to_hex);
        let payment = payment.id;
        format!("order {order} was charged by {name} for payment {named}; its payment is {payment}")
    })
}
