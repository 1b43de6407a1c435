use std::time::Duration;

use common::Timestamp;

use super::Settlement;
use crate::fixture::{self, ACTIVE, COMPLETE, HELD, NOW};
use crate::snapshot::Snapshot;
use crate::violation::Invariant;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(NOW + milliseconds)
}

/// The fixture so many milliseconds after the end of load and faults, with no order left to wait for.
fn agreeing(milliseconds: i64) -> Snapshot {
    let mut snapshot = fixture::snapshot();
    snapshot.taken_at = at(milliseconds);
    let active = snapshot.databases.orders.get_mut(&ACTIVE).unwrap();
    let far = active.expires_at.timestamp_millis() + 3_600_000;
    active.expires_at = bson::DateTime::from_millis(far);
    let replica = snapshot.databases.order_replicas.get_mut(&ACTIVE).unwrap();
    replica.expires_at = active.expires_at;
    snapshot
}

fn different(milliseconds: i64) -> Snapshot {
    let mut snapshot = agreeing(milliseconds);
    snapshot.databases.ticket_replicas.remove(&HELD);
    snapshot
}

#[test]
fn it_ends_as_soon_as_everything_agrees() {
    let mut settlement = Settlement::since(at(0));
    settlement.observe(&different(500));
    assert!(!settlement.is_over(at(600)));
    settlement.observe(&agreeing(750));
    assert!(settlement.is_over(at(800)));
    assert_eq!(settlement.agreed_after, Some(Duration::from_millis(750)));
    assert_eq!(settlement.late_but_right(&[]), []);
}

#[test]
fn it_ends_after_ten_seconds_whatever_differs() {
    let mut settlement = Settlement::since(at(0));
    settlement.observe(&different(9_900));
    assert!(!settlement.is_over(at(10_000)));
    assert!(settlement.is_over(at(10_001)));
    assert_eq!(settlement.agreed_after, None);
}

#[test]
fn an_order_that_will_expire_is_waited_for() {
    let mut settlement = Settlement::since(at(0));
    settlement.observe(&fixture::snapshot());
    assert_eq!(settlement.agreed_after, Some(Duration::ZERO));
    // It expires after 30 seconds.
    assert!(!settlement.is_over(at(34_000)));
    assert!(settlement.is_over(at(36_000)));
}

#[test]
fn a_payment_of_a_dead_process_is_waited_for_until_it_is_taken_over() {
    let mut settlement = Settlement::since(at(0));
    let mut unsettled = agreeing(1_000);
    let payment = unsettled.databases.payments.get_mut(&COMPLETE).unwrap();
    payment.due_at = Some(bson::DateTime::from_millis(NOW + 10_000));
    settlement.observe(&unsettled);
    assert!(!settlement.is_over(at(23_000)));
    assert!(settlement.is_over(at(24_001)));
}

#[test]
fn a_difference_of_more_than_ten_seconds_is_found_although_it_ended() {
    let mut settlement = Settlement::since(at(0));
    settlement.observe(&fixture::snapshot());
    settlement.observe(&different(9_000));
    settlement.observe(&different(10_500));
    assert_eq!(settlement.late_but_right(&[]), []);
    settlement.observe(&different(11_500));
    settlement.observe(&agreeing(12_000));
    let [late] = &settlement.late_but_right(&[])[..] else {
        panic!("not one violation")
    };
    assert_eq!(late.invariant, Invariant::I7);
    assert!(
        late.message.starts_with("11 s after the last fault"),
        "{late}"
    );
}
