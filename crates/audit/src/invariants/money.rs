//! I2: by Stripe's ledger, the money that was charged and not returned is the price of complete orders, per order and
//! in total, less the partial refunds that payments recorded.

use std::collections::BTreeMap;

use bson::oid::ObjectId;

use crate::documents::{Order, OrderStatus, Payment};
use crate::ledger::Charge;
use crate::snapshot::Snapshot;
use crate::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let mut charges: BTreeMap<ObjectId, Vec<&Charge>> = BTreeMap::new();
    let mut violations = Vec::new();
    for charge in &snapshot.ledger.charges {
        match charge.order {
            Some(order) if snapshot.databases.orders.contains_key(&order) => {
                charges.entry(order).or_default().push(charge);
            }
            Some(order) => violations.push(stray(
                charge,
                &format!("order {order}, which does not exist"),
            )),
            None => violations.push(stray(charge, "no order")),
        }
    }
    for order in snapshot.databases.orders.values() {
        let of_order = charges.get(&order.id).map_or(&[][..], Vec::as_slice);
        violations.extend(balance(snapshot, order, of_order));
    }
    violations.extend(reused_keys(snapshot));
    violations
}

fn stray(charge: &Charge, of: &str) -> Violation {
    let id = &charge.id;
    let message = format!("charge {id} of {} cents is for {of}", charge.amount);
    Violation::new(Invariant::I2, [id], message)
}

fn balance(snapshot: &Snapshot, order: &Order, charges: &[&Charge]) -> Vec<Violation> {
    let price = order.ticket.price_cents;
    let id = order.id;
    let named: Vec<_> = charges
        .iter()
        .map(|charge| {
            let key = charge.idempotency_key.as_deref().unwrap_or("no key");
            let (amount, refunded) = (charge.amount, charge.went_back());
            format!("{} ({key}): {amount} cents, {refunded} refunded", charge.id)
        })
        .collect();
    let named = named.join("; ");
    let violation = |message: String| Violation::new(Invariant::I2, [&id], message);
    let mut violations = Vec::new();
    if charges.len() > 1 {
        violations.push(violation(format!(
            "order {id} ({order}) was charged {} times: {named}",
            charges.len()
        )));
    }
    let is_wrong = |charge: &&&Charge| charge.amount != price || charge.currency != "usd";
    if let Some(charge) = charges.iter().find(is_wrong) {
        violations.push(violation(format!(
            "order {id} costs {price} cents and was charged {} {}",
            charge.amount, charge.currency
        )));
    }
    let kept: i64 = charges
        .iter()
        .map(|charge| charge.amount - charge.went_back())
        .sum();
    let due = due(snapshot, order);
    if kept != due {
        violations.push(violation(format!(
            "for order {id} ({order}) {kept} cents were charged and kept instead of {due}: [{named}]"
        )));
    }
    violations
}

/// The cents that must be kept for the order.
fn due(snapshot: &Snapshot, order: &Order) -> i64 {
    let payment = snapshot.databases.payments.get(&order.id);
    let refunded = payment.map_or(0, Payment::given_back);
    match order.status {
        OrderStatus::Complete => order.ticket.price_cents - refunded,
        OrderStatus::Created | OrderStatus::AwaitingPayment | OrderStatus::Cancelled => 0,
    }
}

/// Compares the sums. They differ while something changes between the reading of orders and of the ledger.
pub(super) fn totals(snapshot: &Snapshot) -> Option<Violation> {
    let orders = snapshot.databases.orders.values();
    let due: i64 = orders.map(|order| due(snapshot, order)).sum();
    let (charged, refunded) = (snapshot.ledger.charged(), snapshot.ledger.refunded());
    let kept = charged - refunded;
    (kept != due).then(|| {
        let message = format!(
            "in total {charged} cents were charged and {refunded} refunded, which leaves {kept}; complete orders cost {due}"
        );
        Violation::new(Invariant::I2, [], message)
    })
}

/// Stripe must execute an idempotency key only once.
fn reused_keys(snapshot: &Snapshot) -> Vec<Violation> {
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for charge in &snapshot.ledger.charges {
        if let Some(key) = &charge.idempotency_key {
            uses.entry(key).or_default().push(&charge.id);
        }
    }
    for attempt in &snapshot.ledger.declined {
        if let Some(key) = &attempt.idempotency_key {
            uses.entry(key).or_default().push(&attempt.charge);
        }
    }
    uses.retain(|_, charges| charges.len() > 1);
    let reused = uses.into_iter().map(|(key, charges)| {
        let message = format!(
            "idempotency key {key} was executed several times: {}",
            charges.join(", ")
        );
        Violation::new(Invariant::I2, [&key], message)
    });
    reused.collect()
}
