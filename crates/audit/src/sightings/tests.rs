//! What one look after the other must not see.

use std::time::Duration;

use common::Timestamp;

use super::Sightings;
use crate::documents::{Money, Standing};
use crate::sample::{self, ACTIVE, CANCELLED, COMPLETE, HELD, NOW, SOLD};
use crate::snapshot::Databases;
use crate::sources::StreamSize;
use crate::violation::{Invariant, Violation};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(NOW + seconds * 1_000)
}

/// What two looks find of which the second saw this change.
fn after(change: impl FnOnce(&mut Databases)) -> Vec<Violation> {
    let mut sightings = Sightings::default();
    let mut databases = sample::snapshot().databases;
    sightings.observe(at(0), &databases);
    change(&mut databases);
    sightings.observe(at(1), &databases);
    sightings.take_violations()
}

#[track_caller]
fn finds(invariant: Invariant, words: &str, change: impl FnOnce(&mut Databases)) {
    let found = after(change);
    let [violation] = &found[..] else {
        panic!("not one violation: {found:#?}")
    };
    assert_eq!(violation.invariant, invariant, "{violation}");
    assert!(violation.words.contains(words), "{violation}");
}

#[test]
fn what_goes_on_as_it_should_is_fine() {
    let found = after(|databases| {
        let order = databases.orders.get_mut(&ACTIVE).unwrap();
        (order.status, order.version) = (Standing::Complete, 2);
        let refunded = databases.orders.get_mut(&COMPLETE).unwrap();
        (refunded.status, refunded.version) = (Standing::Cancelled, 3);
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
fn an_end_that_is_none_is_found() {
    finds(Invariant::I4, "changed after its end", |databases| {
        let order = databases.orders.get_mut(&CANCELLED).unwrap();
        (order.status, order.version) = (Standing::Complete, 3);
    });
    finds(Invariant::I4, "is not as far as it was", |databases| {
        let order = databases.orders.get_mut(&COMPLETE).unwrap();
        (order.status, order.version) = (Standing::AwaitingPayment, 3);
    });
    finds(Invariant::I4, "changed after its end", |databases| {
        let payment = databases.payments.get_mut(&CANCELLED).unwrap();
        (payment.status, payment.version) = (Money::Open, 4);
    });
    finds(Invariant::I4, "is not as far as it was", |databases| {
        let payment = databases.payments.get_mut(&COMPLETE).unwrap();
        (payment.status, payment.version) = (Money::Open, 4);
    });
}

#[test]
fn what_vanishes_is_found() {
    finds(Invariant::I8, "is gone", |databases| {
        databases.orders.remove(&CANCELLED);
    });
}

#[test]
fn two_live_orders_at_once_are_found_if_both_were_there_before() {
    let mut sightings = Sightings::default();
    let mut databases = sample::snapshot().databases;
    databases.orders.get_mut(&ACTIVE).unwrap().ticket.id = SOLD;
    // One may have ended while the other was read.
    sightings.observe(at(0), &databases);
    assert_eq!(sightings.take_violations(), []);
    sightings.observe(at(1), &databases);
    sightings.observe(at(2), &databases);
    let found = sightings.take_violations();
    assert!(
        found[0].words.contains("had two live orders at once"),
        "{found:?}"
    );
}

#[test]
fn an_order_alive_past_its_time_is_found_unless_faults_held_it_up() {
    let mut sightings = Sightings::default();
    let databases = sample::snapshot().databases;
    // It expires at 30.
    sightings.observe(at(32), &databases);
    assert_eq!(sightings.overdue(at(0)), []);
    sightings.observe(at(33), &databases);
    assert_eq!(sightings.overdue(at(0)).len(), 1);
    assert_eq!(sightings.overdue(at(23)), []);
    sightings.observe(at(34), &databases);
    assert_eq!(sightings.overdue(at(23)).len(), 1);
    assert_eq!(at(23).plus(Duration::from_secs(10)), at(33));
}

#[test]
fn streams_are_told_apart_by_their_birth() {
    let mut sightings = Sightings::default();
    let size = |born, last| StreamSize { born, last };
    sightings.observe_streams((size(1, 10), size(2, 0)));
    sightings.observe_streams((size(1, 70), size(2, 3)));
    assert!(sightings.stream_is_whole());
    assert_eq!(sightings.events(), 70);
    assert_eq!(sightings.lost_letters(), None);
    sightings.observe_streams((size(5, 8), size(6, 0)));
    assert!(!sightings.stream_is_whole());
    assert_eq!(sightings.events(), 78);
    let lost = sightings.lost_letters().unwrap();
    assert_eq!(lost.words, "3 dead letters went with the broker's data");
}
