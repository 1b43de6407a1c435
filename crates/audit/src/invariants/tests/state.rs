//! Violations that a snapshot alone shows.

use std::time::Duration;

use bson::DateTime;

use super::{check_after, finds};
use crate::documents::{Order, OrderStatus, OutboxEntry, Payment, PaymentStatus, Ticket};
use crate::fixture::{
    ACTIVE, BUYER, CANCELLED, COMPLETE, FREE, HELD, NOW, PAYMENT, SOLD, charge, id,
};
use crate::snapshot::{Backlog, DeadLetter};
use crate::violation::Invariant::{I1, I2, I3, I5, I6, I7};

use super::World;

fn order(world: &mut World, id: bson::oid::ObjectId) -> &mut Order {
    world.snapshot.databases.orders.get_mut(&id).unwrap()
}

fn ticket(world: &mut World, id: bson::oid::ObjectId) -> &mut Ticket {
    world.snapshot.databases.tickets.get_mut(&id).unwrap()
}

fn payment(world: &mut World, order: bson::oid::ObjectId) -> &mut Payment {
    world.snapshot.databases.payments.get_mut(&order).unwrap()
}

#[test]
fn two_live_orders_of_one_ticket_are_found() {
    finds(I1, "has 2 live orders", |world| {
        order(world, ACTIVE).ticket.id = SOLD;
    });
    finds(I1, "has 2 live orders", |world| {
        let mut second = order(world, COMPLETE).clone();
        second.id = id(99);
        world.snapshot.databases.orders.insert(id(99), second);
    });
}

#[test]
fn a_live_order_without_its_reservation_is_found() {
    finds(I1, "has no reservation", |world| {
        world.snapshot.reservations.remove(&SOLD);
    });
    finds(I1, "whose reservation is order", |world| {
        world.snapshot.reservations.insert(SOLD, ACTIVE);
    });
}

#[test]
fn a_reservation_that_no_live_order_needs_is_found() {
    finds(I1, "which is cancelled", |world| {
        world.snapshot.reservations.insert(FREE, CANCELLED);
    });
    finds(I1, "which does not exist", |world| {
        world.snapshot.reservations.insert(FREE, id(99));
    });
}

#[test]
fn a_ticket_held_by_an_order_that_ended_is_found() {
    finds(I1, "is held by order", |world| {
        ticket(world, FREE).order_id = Some(CANCELLED);
    });
    finds(I1, "is held by order", |world| {
        ticket(world, FREE).order_id = Some(id(99));
    });
    finds(I1, "which is of ticket", |world| {
        ticket(world, FREE).order_id = Some(ACTIVE);
    });
}

#[test]
fn a_double_charge_is_found_even_if_one_is_refunded() {
    finds(I2, "was charged 2 times", |world| {
        let mut second = charge(3, COMPLETE, PAYMENT, "30-3");
        second.refunded = second.amount;
        world.snapshot.ledger.charges.push(second);
    });
}

#[test]
fn a_charge_of_a_wrong_amount_or_of_nothing_is_found() {
    finds(I2, "costs 1999 cents and was charged 5 usd", |world| {
        world.snapshot.ledger.charges[0].amount = 5;
    });
    finds(I2, "costs 1999 cents and was charged 1999 eur", |world| {
        "eur".clone_into(&mut world.snapshot.ledger.charges[0].currency);
    });
    finds(I2, "which does not exist", |world| {
        world.snapshot.ledger.charges[0] = charge(1, id(99), PAYMENT, "30-2");
    });
    finds(I2, "is for no order", |world| {
        world.snapshot.ledger.charges[0].order = None;
    });
}

#[test]
fn money_that_does_not_add_up_is_found() {
    finds(
        I2,
        "0 cents were charged and kept instead of 1999",
        |world| {
            world.snapshot.ledger.charges.remove(0);
        },
    );
    finds(I2, "complete orders cost 1999", |world| {
        world.snapshot.ledger.charges.clear();
    });
    finds(I2, "was executed several times", |world| {
        world.snapshot.ledger.declined[0].idempotency_key = Some("30-2".to_owned());
    });
}

#[test]
fn a_charge_for_a_cancelled_order_that_is_not_refunded_is_found() {
    finds(I5, "0 were refunded", |world| {
        let charge = &mut world.snapshot.ledger.charges[1];
        charge.refunded = 0;
    });
    finds(I5, "1999 were refunded", |world| {
        let charge = &mut world.snapshot.ledger.charges[0];
        charge.refunded = 1_999;
    });
    finds(I5, "neither complete nor cancelled", |world| {
        order(world, COMPLETE).status = OrderStatus::AwaitingPayment;
    });
}

#[test]
fn a_charge_long_after_its_order_expired_is_found() {
    finds(I5, "could be paid until", |world| {
        world.snapshot.ledger.charges[1].created = Some(NOW / 1_000 - 10);
    });
}

#[test]
fn a_charge_that_its_payment_did_not_record_is_found() {
    finds(
        I5,
        "of order 000000000000000000000014 has no payment",
        |world| {
            world.snapshot.databases.payments.remove(&COMPLETE);
        },
    );
    finds(I5, "was paid and has no payment", |world| {
        world.snapshot.databases.payments.remove(&COMPLETE);
    });
    finds(I5, "recorded none", |world| {
        payment(world, COMPLETE).status = PaymentStatus::Open;
    });
    finds(I5, "for payment", |world| {
        payment(world, COMPLETE).id = id(99);
    });
    finds(I5, "Stripe has no charge ch_1", |world| {
        world.snapshot.ledger.charges.remove(0);
    });
}

#[test]
fn a_payment_that_contradicts_its_order_or_stripe_is_found() {
    finds(I5, "contradict each other", |world| {
        order(world, COMPLETE).status = OrderStatus::Cancelled;
    });
    finds(I5, "contradict each other", |world| {
        order(world, CANCELLED).refunded = true;
        payment(world, CANCELLED).status = PaymentStatus::Open;
    });
    finds(I5, "have different prices", |world| {
        payment(world, COMPLETE).price_cents = 1;
    });
    finds(I5, "0 of 1999 cents of ch_2 were refunded", |world| {
        world.snapshot.ledger.charges[1].refunded = 0;
    });
    finds(I5, "its attempts are", |world| {
        payment(world, COMPLETE).attempts.clear();
    });
    finds(I5, "still to be settled", |world| {
        payment(world, COMPLETE).due_at = Some(DateTime::from_millis(NOW));
    });
    finds(I5, "which does not exist", |world| {
        world.snapshot.databases.orders.remove(&COMPLETE);
    });
}

#[test]
fn a_partial_refund_is_found_unless_the_payment_recorded_it() {
    finds(
        I2,
        "1499 cents were charged and kept instead of 1999",
        |world| {
            world.snapshot.ledger.charges[0].refunded = 500;
        },
    );
    finds(I5, "500 were refunded", |world| {
        world.snapshot.ledger.charges[0].refunded = 500;
    });
    finds(
        I2,
        "1999 cents were charged and kept instead of 1499",
        |world| {
            payment(world, COMPLETE).given_back_cents = 500;
        },
    );
    let recorded = check_after(|world| {
        world.snapshot.ledger.charges[0].refunded = 500;
        payment(world, COMPLETE).given_back_cents = 500;
    });
    assert_eq!(recorded, []);
}

/// Makes a bank take back the money of the paid order.
fn lose_dispute(world: &mut World) {
    world.snapshot.ledger.charges[0].lost = 1_999;
    let (intent_id, charge_id) = ("pi_1".to_owned(), "ch_1".to_owned());
    let refund_id = "du_1".to_owned();
    payment(world, COMPLETE).status = PaymentStatus::Refunded {
        intent_id,
        charge_id,
        refund_id,
    };
    let refunded = order(world, COMPLETE);
    (refunded.status, refunded.refunded, refunded.version) = (OrderStatus::Cancelled, true, 3);
    world.snapshot.reservations.remove(&SOLD);
    let ticket = ticket(world, SOLD);
    (ticket.order_id, ticket.released) = (None, vec![COMPLETE]);
}

#[test]
fn money_that_a_bank_took_back_does_not_count_as_kept() {
    let found = check_after(lose_dispute);
    let of_money =
        |violation: &&crate::violation::Violation| [I1, I2, I5].contains(&violation.invariant);
    assert_eq!(found.iter().find(of_money), None);
    finds(
        I2,
        "0 cents were charged and kept instead of 1999",
        |world| {
            world.snapshot.ledger.charges[0].lost = 1_999;
        },
    );
    finds(I5, "contradict each other", |world| {
        lose_dispute(world);
        order(world, COMPLETE).status = OrderStatus::Complete;
    });
}

#[test]
fn waiting_events_and_dead_letters_are_found() {
    finds(I3, "has not published its order:created x-1", |world| {
        order(world, ACTIVE).outbox = vec![OutboxEntry {
            id: "x-1".to_owned(),
            subject: "order:created".to_owned(),
            time: DateTime::from_millis(NOW),
        }];
    });
    finds(I3, "gave up a ticket:updated (no way)", |world| {
        world.snapshot.dead_letters.push(DeadLetter {
            consumer: "orders-service".to_owned(),
            subject: "ticket:updated".to_owned(),
            reason: "no way".to_owned(),
            body: "{}".to_owned(),
        });
    });
    finds(
        I3,
        "orders-service has 0 events waiting and 2 unacknowledged",
        |world| {
            let backlog = Backlog {
                waiting: 0,
                unacknowledged: 2,
                done: 7,
            };
            world
                .snapshot
                .backlogs
                .insert("orders-service", Some(backlog));
        },
    );
    finds(I3, "knows no consumer orders-service", |world| {
        world.snapshot.backlogs.insert("orders-service", None);
    });
}

#[test]
fn missing_effects_are_found() {
    finds(I3, "does not hold its ticket", |world| {
        ticket(world, HELD).order_id = None;
    });
    finds(I3, "which does not exist", |world| {
        world.snapshot.databases.tickets.remove(&HELD);
    });
    finds(I3, "does not know that it holds its ticket", |world| {
        order(world, ACTIVE).status = OrderStatus::Created;
    });
    finds(I3, "does not know that order", |world| {
        ticket(world, FREE).released.clear();
    });
    finds(I3, "has no job that will end it", |world| {
        world.snapshot.jobs.clear();
    });
}

#[test]
fn unreachable_states_are_found() {
    finds(I3, "cannot be at version 3", |world| {
        order(world, COMPLETE).version = 3;
    });
    finds(I3, "has a reason", |world| {
        order(world, COMPLETE).refunded = true;
    });
    finds(I3, "was cancelled with the reason None", |world| {
        order(world, CANCELLED).reason = None;
    });
    finds(I3, "has a reason", |world| {
        order(world, ACTIVE).reason = Some("owner".to_owned());
    });
}

#[test]
fn an_order_that_outlives_its_expiry_is_found() {
    finds(I6, "was still unpaid", |world| {
        let later = world.snapshot.taken_at.plus(Duration::from_millis(32_001));
        world.snapshot.taken_at = later;
    });
}

#[test]
fn replicas_that_differ_are_found() {
    finds(I7, "orders has no replica", |world| {
        world.snapshot.databases.ticket_replicas.remove(&HELD);
    });
    finds(I7, "orders has (version 1", |world| {
        ticket(world, HELD).version = 2;
    });
    finds(I7, "orders has", |world| {
        ticket(world, FREE).user_id = BUYER;
    });
    finds(I7, "payments has no replica", |world| {
        world.snapshot.databases.order_replicas.remove(&ACTIVE);
    });
    finds(I7, "payments has (created", |world| {
        order(world, ACTIVE).status = OrderStatus::Cancelled;
    });
    finds(I7, "payments has (cancelled", |world| {
        let replica = world.snapshot.databases.order_replicas.get_mut(&ACTIVE);
        replica.unwrap().status = OrderStatus::Cancelled;
    });
    finds(I7, "payments has", |world| {
        order(world, ACTIVE).ticket.price_cents = 1;
    });
    finds(I7, "has a replica of ticket", |world| {
        world.snapshot.databases.tickets.remove(&HELD);
    });
    finds(I7, "has a replica of order", |world| {
        world.snapshot.databases.orders.remove(&ACTIVE);
    });
}

/// Withdraws the ticket that is for sale again.
fn withdraw(world: &mut World) {
    let databases = &mut world.snapshot.databases;
    for tickets in [&mut databases.tickets, &mut databases.ticket_replicas] {
        let ticket = tickets.get_mut(&FREE).unwrap();
        ticket.version += 1;
        ticket.order_id = Some(FREE);
    }
    world.snapshot.reservations.insert(FREE, FREE);
    let events = &mut world.stream.events;
    let released = events
        .iter()
        .rev()
        .find(|event| event.body["id"] == FREE.to_hex() && event.body["version"] == 3);
    let mut withdrawn = released.unwrap().clone();
    withdrawn.sequence = 1_000;
    withdrawn.body["version"] = 4.into();
    withdrawn.body["withdrawn"] = true.into();
    events.push(withdrawn);
}

#[test]
fn a_withdrawn_ticket_is_sound_and_may_have_cancelled_an_order() {
    assert_eq!(check_after(withdraw), []);
    let found = check_after(|world| {
        withdraw(world);
        order(world, CANCELLED).reason = None;
    });
    // The fixture's stream still has the order's expiration.
    assert!(
        found
            .iter()
            .all(|found| !found.message.contains("was cancelled with")),
        "{found:?}"
    );
}

#[test]
fn a_withdrawn_ticket_that_can_be_ordered_or_is_held_is_found() {
    finds(I1, "was withdrawn and is reserved for", |world| {
        withdraw(world);
        world.snapshot.reservations.remove(&FREE);
    });
    finds(I1, "as if it were withdrawn", |world| {
        world.snapshot.reservations.insert(FREE, FREE);
    });
    finds(I7, "orders has", |world| {
        withdraw(world);
        let replica = world.snapshot.databases.ticket_replicas.get_mut(&FREE);
        replica.unwrap().order_id = None;
    });
    finds(I3, "was withdrawn while it was held", |world| {
        let held = world.stream.events.iter_mut().rev();
        let mut held = held.filter(|event| event.body["id"] == FREE.to_hex());
        held.find(|event| event.body["version"] == 3).unwrap().body["withdrawn"] = true.into();
    });
    finds(I3, "changed after it was withdrawn", |world| {
        let mut first = world.stream.events.iter_mut();
        let first = first.find(|event| event.body["id"] == FREE.to_hex());
        first.unwrap().body["withdrawn"] = true.into();
    });
}
