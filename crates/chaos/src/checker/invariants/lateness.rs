//! I5: a payment that came too late ends in a complete order or a full refund, never neither, never both.

use std::time::Duration;

use bson::oid::ObjectId;
use common::Timestamp;
use stripe_stand_in::{LedgerCharge, LedgerStatus};

use super::money::order_of;
use crate::checker::documents::{Order, Standing, moment};
use crate::checker::snapshot::Snapshot;
use crate::checker::violation::{Invariant, Violation};

/// How long after an order's time a charge may still be made at Stripe that was sent before: a call and its wait for a
/// turn take eight seconds, Stripe's stand-in may sleep nine on it, and it counts in whole seconds.
const UNDER_WAY: Duration = Duration::from_secs(20);

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let orders = &snapshot.databases.orders;
    let charged = snapshot.ledger.charges.iter().filter_map(|charge| {
        let order = orders.get(&order_of(charge)?)?;
        Some((charge, order))
    });
    let found = charged.flat_map(|(charge, order)| {
        let found = [
            neither_or_both(charge, order),
            too_late(charge, order),
            unaccounted(snapshot, charge, order.id),
        ];
        let found = found.into_iter().flatten();
        found.map(|words| Violation::new(Invariant::I5, [&order.id], words))
    });
    found.collect()
}

fn neither_or_both(charge: &LedgerCharge, order: &Order) -> Option<String> {
    let id = order.id;
    let (name, amount, refunded) = (&charge.charge, charge.amount, charge.refunded);
    match order.status {
        Standing::Cancelled if charge.status != LedgerStatus::Refunded => Some(format!(
            "of the charge {name} of {amount} cents for order {id} ({order}) {refunded} were refunded"
        )),
        Standing::Complete if refunded != 0 => Some(format!(
            "of the charge {name} of {amount} cents for order {id} ({order}) {refunded} were refunded"
        )),
        Standing::Created | Standing::AwaitingPayment => Some(format!(
            "order {id} ({order}) was charged by {name} and is neither complete nor cancelled"
        )),
        Standing::Cancelled | Standing::Complete => None,
    }
}

fn too_late(charge: &LedgerCharge, order: &Order) -> Option<String> {
    let made = Timestamp::from_milliseconds(charge.created.saturating_mul(1_000));
    let expires_at = moment(order.expires_at);
    (made > expires_at.plus(UNDER_WAY)).then(|| {
        let (id, name) = (order.id, &charge.charge);
        format!("order {id} could be paid until {expires_at} and was charged by {name} at {made}")
    })
}

/// Whether the payment knows of the charge.
fn unaccounted(snapshot: &Snapshot, charge: &LedgerCharge, order: ObjectId) -> Option<String> {
    let name = &charge.charge;
    let Some(payment) = snapshot.databases.payments.get(&order) else {
        return Some(format!(
            "charge {name} of order {order} is of no payment of ours"
        ));
    };
    let known = payment.status.charge();
    if known != Some((&charge.payment_intent, name)) {
        let known = known.map_or("none", |(_, known)| known);
        return Some(format!(
            "order {order} was charged by {name}; its payment ({payment}) knows of {known}"
        ));
    }
    let named = charge.metadata.get("payment_id");
    let named = named.map_or("none", String::as_str);
    (named != payment.id.to_string()).then(|| {
        let payment = payment.id;
        format!("order {order} was charged by {name} for payment {named}; its payment is {payment}")
    })
}
