//! I5, from the other side: what a payment says of itself goes together with its order and with Stripe's ledger.

use bson::oid::ObjectId;

use crate::documents::{Money, Order, Outcome, Payment, Standing};
use crate::snapshot::Snapshot;
use crate::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let databases = &snapshot.databases;
    let payments = databases.payments.values();
    let payments = payments.flat_map(|payment| of_payment(snapshot, payment));
    let orders = databases.orders.values();
    let unpaid = orders.filter(|order| {
        order.status == Standing::Complete && !databases.payments.contains_key(&order.id)
    });
    let unpaid = unpaid.map(|order| {
        let words = format!("order {} ({order}) is complete without a payment", order.id);
        violation(order.id, words)
    });
    payments.chain(unpaid).collect()
}

fn violation(order: ObjectId, words: String) -> Violation {
    Violation::new(Invariant::I5, [&order], words)
}

fn of_payment(snapshot: &Snapshot, payment: &Payment) -> Vec<Violation> {
    let (order, id) = (payment.order_id, payment.id);
    let Some(owner) = snapshot.databases.orders.get(&order) else {
        let words = format!("payment {id} ({payment}) is of order {order}, which does not exist");
        return vec![violation(order, words)];
    };
    let found = [
        apart_from_order(payment, owner),
        apart_from_stripe(snapshot, payment),
        apart_from_attempts(payment),
        unfinished(payment).then(|| "something is still to be done about it".to_owned()),
    ];
    let found = found.into_iter().flatten().map(|reason| {
        let words = format!("payment {id} ({payment}) of order {order} ({owner}): {reason}");
        violation(order, words)
    });
    found.collect()
}

/// Whether the payment waits for an answer, for its order, or for a refund.
pub(super) fn unfinished(payment: &Payment) -> bool {
    payment.due_at.is_some() || payment.is_pending()
}

fn apart_from_order(payment: &Payment, order: &Order) -> Option<String> {
    if payment.price_cents != order.ticket.price_cents {
        return Some("they have different prices".to_owned());
    }
    match (&payment.status, order.status) {
        (Money::Succeeded { .. }, Standing::Complete)
        | (Money::Refunded { .. }, Standing::Cancelled) => None,
        (Money::Open, status) if status != Standing::Complete => None,
        _ => Some("they do not go together".to_owned()),
    }
}

fn apart_from_stripe(snapshot: &Snapshot, payment: &Payment) -> Option<String> {
    let (_, name) = payment.status.charge()?;
    let mut charges = snapshot.ledger.charges.iter();
    let Some(charge) = charges.find(|charge| charge.id == name) else {
        return Some(format!("Stripe knows of no charge {name}"));
    };
    let (amount, refunded) = (charge.amount, charge.went_back());
    (payment.given_back() != refunded).then(|| {
        format!("by Stripe's account {refunded} of {amount} cents of {name} were refunded")
    })
}

/// Attempts are numbered from one, and one succeeded exactly if there was a charge.
fn apart_from_attempts(payment: &Payment) -> Option<String> {
    let attempts = &payment.attempts;
    let mut numbered = attempts.iter().zip(1..);
    let numbered = numbered.all(|(attempt, number)| attempt.number == number);
    let succeeded = attempts.iter();
    let succeeded = succeeded.filter(|attempt| attempt.outcome == Outcome::Succeeded);
    let expected = usize::from(payment.status.charge().is_some());
    let right = numbered && succeeded.count() == expected;
    (!right).then(|| format!("its attempts are {attempts:?}"))
}
