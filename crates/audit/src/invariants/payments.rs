//! I5 for payments: each agrees with its order and with Stripe's ledger.

use bson::oid::ObjectId;

use crate::documents::{Order, OrderStatus, Outcome, Payment, PaymentStatus};
use crate::snapshot::Snapshot;
use crate::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let databases = &snapshot.databases;
    let payments = databases.payments.values();
    let payments = payments.flat_map(|payment| of_payment(snapshot, payment));
    let orders = databases.orders.values();
    let unpaid = orders.filter(|order| {
        let was_paid = order.status == OrderStatus::Complete || order.refunded;
        was_paid && !databases.payments.contains_key(&order.id)
    });
    let unpaid = unpaid.map(|order| {
        let message = format!("order {} ({order}) was paid and has no payment", order.id);
        violation(order.id, message)
    });
    payments.chain(unpaid).collect()
}

fn violation(order: ObjectId, message: String) -> Violation {
    Violation::new(Invariant::I5, [&order], message)
}

fn of_payment(snapshot: &Snapshot, payment: &Payment) -> Vec<Violation> {
    let (order, id) = (payment.order_id, payment.id);
    let Some(owner) = snapshot.databases.orders.get(&order) else {
        let message = format!("payment {id} ({payment}) is of order {order}, which does not exist");
        return vec![violation(order, message)];
    };
    let found = [
        contradicts_order(payment, owner),
        contradicts_stripe(snapshot, payment),
        contradicts_attempts(payment),
        is_unfinished(payment).then(|| "it is still to be settled".to_owned()),
    ];
    let found = found.into_iter().flatten().map(|reason| {
        let message = format!("payment {id} ({payment}) of order {order} ({owner}): {reason}");
        violation(order, message)
    });
    found.collect()
}

/// Whether an attempt, the check of its order or a refund is pending.
fn is_unfinished(payment: &Payment) -> bool {
    payment.due_at.is_some() || payment.is_pending()
}

fn contradicts_order(payment: &Payment, order: &Order) -> Option<String> {
    if payment.price_cents != order.ticket.price_cents {
        return Some("they have different prices".to_owned());
    }
    match (&payment.status, order.status) {
        (PaymentStatus::Succeeded { .. }, OrderStatus::Complete)
        | (PaymentStatus::Refunded { .. }, OrderStatus::Cancelled) => None,
        (PaymentStatus::Open, status) if status != OrderStatus::Complete && !order.refunded => None,
        _ => Some("they contradict each other".to_owned()),
    }
}

fn contradicts_stripe(snapshot: &Snapshot, payment: &Payment) -> Option<String> {
    let (_, id) = payment.status.charge()?;
    let mut charges = snapshot.ledger.charges.iter();
    let Some(charge) = charges.find(|charge| charge.id == id) else {
        return Some(format!("Stripe has no charge {id}"));
    };
    let (amount, refunded) = (charge.amount, charge.went_back());
    (payment.given_back() != refunded)
        .then(|| format!("at Stripe {refunded} of {amount} cents of {id} were refunded"))
}

/// Attempts are numbered from one, and one succeeded if and only if there was a charge.
fn contradicts_attempts(payment: &Payment) -> Option<String> {
    let attempts = &payment.attempts;
    let mut numbers = attempts.iter().zip(1..);
    let are_numbered = numbers.all(|(attempt, number)| attempt.number == number);
    let succeeded = attempts.iter();
    let succeeded = succeeded.filter(|attempt| attempt.outcome == Outcome::Succeeded);
    let expected = usize::from(payment.status.charge().is_some());
    let is_valid = are_numbered && succeeded.count() == expected;
    (!is_valid).then(|| format!("its attempts are {attempts:?}"))
}
