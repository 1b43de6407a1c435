//! What consecutive observations must not show.

use std::time::Duration;

use common::Timestamp;

use super::Observer;
use crate::documents::{OrderStatus, PaymentStatus};
use crate::fixture::{self, ACTIVE, CANCELLED, COMPLETE, HELD, NOW, SOLD};
use crate::snapshot::Databases;
use crate::sources::StreamSize;
use crate::violation::{Invariant, Violation};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(NOW + seconds * 1_000)
}

/// The violations of two observations with this change in between.
fn after(change: impl FnOnce(&mut Databases)) -> Vec<Violation> {
    let mut observer = Observer::default();
    let mut databases = fixture::snapshot().databases;
    observer.observe(at(0), &databases);
    change(&mut databases);
    observer.observe(at(1), &databases);
    observer.take_violations()
}

#[track_caller]
fn finds(invariant: Invariant, message: &str, change: impl FnOnce(&mut Databases)) {
    let found = after(change);
    let [violation] = &found[..] else {
        panic!("not one violation: {found:#?}")
    };
    assert_eq!(violation.invariant, invariant, "{violation}");
    assert!(violation.message.contains(message), "{violation}");
}

#[test]
fn regular_changes_are_no_violations() {
    let found = after(|databases| {
        let order = databases.orders.get_mut(&ACTIVE).unwrap();
        (order.status, order.version) = (OrderStatus::Complete, 2);
        let refunded = databases.orders.get_mut(&COMPLETE).unwrap();
        (refunded.status, refunded.version) = (OrderStatus::Cancelled, 3);
        let ticket = databases.tickets.get_mut(&SOLD).unwrap();
        ticket.version += 1;
        ticket.price_cents = 5;
    });
    assert_eq!(found, []);
}

#[test]
fn a_version_that_falls_is_found() {
    finds(
        Invariant::I4,
        "ticket 00000000000000000000000a went back",
        |databases| {
            databases.tickets.get_mut(&SOLD).unwrap().version = 0;
        },
    );
    finds(Invariant::I4, "replica of ticket", |databases| {
        databases.ticket_replicas.get_mut(&SOLD).unwrap().version = 0;
    });
}

#[test]
fn a_change_under_the_same_version_is_found() {
    finds(Invariant::I4, "without a new version", |databases| {
        databases.tickets.get_mut(&HELD).unwrap().order_id = None;
    });
}

#[test]
fn a_change_of_a_final_state_is_found() {
    finds(Invariant::I4, "changed after its end", |databases| {
        let order = databases.orders.get_mut(&CANCELLED).unwrap();
        (order.status, order.version) = (OrderStatus::Complete, 3);
    });
    finds(
        Invariant::I4,
        "went back to an earlier status",
        |databases| {
            let order = databases.orders.get_mut(&COMPLETE).unwrap();
            (order.status, order.version) = (OrderStatus::AwaitingPayment, 3);
        },
    );
    finds(Invariant::I4, "changed after its end", |databases| {
        let payment = databases.payments.get_mut(&CANCELLED).unwrap();
        (payment.status, payment.version) = (PaymentStatus::Open, 4);
    });
    finds(
        Invariant::I4,
        "went back to an earlier status",
        |databases| {
            let payment = databases.payments.get_mut(&COMPLETE).unwrap();
            (payment.status, payment.version) = (PaymentStatus::Open, 4);
        },
    );
}

#[test]
fn a_vanished_entity_is_found() {
    finds(Invariant::I8, "vanished", |databases| {
        databases.orders.remove(&CANCELLED);
    });
}

#[test]
fn two_live_orders_at_once_are_found_if_both_existed_before() {
    let mut observer = Observer::default();
    let mut databases = fixture::snapshot().databases;
    databases.orders.get_mut(&ACTIVE).unwrap().ticket.id = SOLD;
    // One may have ended while the other was being read.
    observer.observe(at(0), &databases);
    assert_eq!(observer.take_violations(), []);
    observer.observe(at(1), &databases);
    observer.observe(at(2), &databases);
    let found = observer.take_violations();
    assert!(
        found[0].message.contains("had two live orders at once"),
        "{found:?}"
    );
}

#[test]
fn an_order_that_outlives_its_expiry_is_found_unless_faults_delayed_it() {
    let mut observer = Observer::default();
    let databases = fixture::snapshot().databases;
    // It expires at 30.
    observer.observe(at(32), &databases);
    assert_eq!(observer.overdue(at(0)), []);
    observer.observe(at(33), &databases);
    assert_eq!(observer.overdue(at(0)).len(), 1);
    assert_eq!(observer.overdue(at(23)), []);
    observer.observe(at(34), &databases);
    assert_eq!(observer.overdue(at(23)).len(), 1);
    assert_eq!(at(23).plus(Duration::from_secs(10)), at(33));
}

#[test]
fn streams_are_distinguished_by_their_creation() {
    let mut observer = Observer::default();
    let size = |created, last| StreamSize { created, last };
    observer.observe_streams((size(1, 10), size(2, 0)));
    observer.observe_streams((size(1, 70), size(2, 3)));
    assert!(observer.stream_is_complete());
    assert_eq!(observer.events(), 70);
    assert_eq!(observer.lost_dead_letters(), None);
    observer.observe_streams((size(5, 8), size(6, 0)));
    assert!(!observer.stream_is_complete());
    assert_eq!(observer.events(), 78);
    let lost = observer.lost_dead_letters().unwrap();
    assert_eq!(
        lost.message,
        "3 dead letters were lost with the broker's data"
    );
}
