//! I2: by Stripe's own account, what was charged and not given back is the price of complete orders, order by order
//! and in all.

use std::collections::BTreeMap;

use bson::oid::ObjectId;
use stripe_stand_in::LedgerCharge;

use crate::checker::documents::{Order, Standing};
use crate::checker::snapshot::Snapshot;
use crate::checker::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let mut charges: BTreeMap<ObjectId, Vec<&LedgerCharge>> = BTreeMap::new();
    let mut violations = Vec::new();
    for charge in &snapshot.ledger.charges {
        match order_of(charge) {
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
        violations.extend(balance(order, of_order));
    }
    violations.extend(totals(snapshot));
    violations.extend(reused_keys(snapshot));
    violations
}

/// The order that a charge names.
pub(super) fn order_of(charge: &LedgerCharge) -> Option<ObjectId> {
    let order = charge.metadata.get("order_id")?;
    ObjectId::parse_str(order).ok()
}

fn stray(charge: &LedgerCharge, of: &str) -> Violation {
    let id = &charge.charge;
    let words = format!("charge {id} of {} cents is for {of}", charge.amount);
    Violation::new(Invariant::I2, [id], words)
}

fn balance(order: &Order, charges: &[&LedgerCharge]) -> Vec<Violation> {
    let price = order.ticket.price_cents;
    let id = order.id;
    let named: Vec<_> = charges
        .iter()
        .map(|charge| {
            let key = charge.idempotency_key.as_deref().unwrap_or("no key");
            let (amount, refunded) = (charge.amount, charge.refunded);
            format!(
                "{} ({key}): {amount} cents, {refunded} refunded",
                charge.charge
            )
        })
        .collect();
    let named = named.join("; ");
    let violation = |words: String| Violation::new(Invariant::I2, [&id], words);
    let mut violations = Vec::new();
    if charges.len() > 1 {
        violations.push(violation(format!(
            "order {id} ({order}) was charged {} times: {named}",
            charges.len()
        )));
    }
    let odd = |charge: &&&LedgerCharge| charge.amount != price || charge.currency != "usd";
    if let Some(charge) = charges.iter().find(odd) {
        violations.push(violation(format!(
            "order {id} costs {price} cents and was charged {} {}",
            charge.amount, charge.currency
        )));
    }
    let kept: i64 = charges
        .iter()
        .map(|charge| charge.amount - charge.refunded)
        .sum();
    let due = if order.status == Standing::Complete {
        price
    } else {
        0
    };
    if kept != due {
        violations.push(violation(format!(
            "for order {id} ({order}) {kept} cents were charged and kept instead of {due}: [{named}]"
        )));
    }
    violations
}

fn totals(snapshot: &Snapshot) -> Option<Violation> {
    let complete = snapshot.databases.orders.values();
    let complete = complete.filter(|order| order.status == Standing::Complete);
    let due: i64 = complete.map(|order| order.ticket.price_cents).sum();
    let totals = snapshot.ledger.totals;
    let kept = totals.charged - totals.refunded;
    (kept != due).then(|| {
        let words = format!(
            "in all {} cents were charged and {} refunded, which keeps {kept}; complete orders cost {due}",
            totals.charged, totals.refunded
        );
        Violation::new(Invariant::I2, [], words)
    })
}

/// An idempotency key works once: were one of them tried twice, Stripe would have forgotten it.
fn reused_keys(snapshot: &Snapshot) -> Vec<Violation> {
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for charge in &snapshot.ledger.charges {
        if let Some(key) = &charge.idempotency_key {
            uses.entry(key).or_default().push(&charge.charge);
        }
    }
    for attempt in &snapshot.ledger.declined {
        if let Some(key) = &attempt.idempotency_key {
            uses.entry(key).or_default().push(&attempt.charge);
        }
    }
    uses.retain(|_, charges| charges.len() > 1);
    let reused = uses.into_iter().map(|(key, charges)| {
        let words = format!(
            "attempt {key} was made several times: {}",
            charges.join(", ")
        );
        Violation::new(Invariant::I2, [&key], words)
    });
    reused.collect()
}
