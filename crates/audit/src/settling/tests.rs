use std::time::Duration;

use common::Timestamp;

use super::Settling;
use crate::sample::{self, ACTIVE, COMPLETE, HELD, NOW};
use crate::snapshot::Snapshot;
use crate::violation::Invariant;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(NOW + milliseconds)
}

/// The sample, seen so long after the end of load and faults, with no order left to wait for.
fn seen(milliseconds: i64) -> Snapshot {
    let mut snapshot = sample::snapshot();
    snapshot.taken_at = at(milliseconds);
    let active = snapshot.databases.orders.get_mut(&ACTIVE).unwrap();
    let far = active.expires_at.timestamp_millis() + 3_600_000;
    active.expires_at = bson::DateTime::from_millis(far);
    let replica = snapshot.databases.order_replicas.get_mut(&ACTIVE).unwrap();
    replica.expires_at = active.expires_at;
    snapshot
}

fn apart(milliseconds: i64) -> Snapshot {
    let mut snapshot = seen(milliseconds);
    snapshot.databases.ticket_replicas.remove(&HELD);
    snapshot
}

#[test]
fn it_is_over_as_soon_as_everything_agrees() {
    let mut settling = Settling::since(at(0));
    settling.look(&apart(500));
    assert!(!settling.is_over(at(600)));
    settling.look(&seen(750));
    assert!(settling.is_over(at(800)));
    assert_eq!(settling.agreed_after, Some(Duration::from_millis(750)));
    assert_eq!(settling.late_but_right(&[]), []);
}

#[test]
fn it_is_over_after_ten_seconds_whatever_is_apart() {
    let mut settling = Settling::since(at(0));
    settling.look(&apart(9_900));
    assert!(!settling.is_over(at(10_000)));
    assert!(settling.is_over(at(10_001)));
    assert_eq!(settling.agreed_after, None);
}

#[test]
fn an_order_that_will_end_is_waited_for() {
    let mut settling = Settling::since(at(0));
    settling.look(&sample::snapshot());
    assert_eq!(settling.agreed_after, Some(Duration::ZERO));
    // It expires after 30 seconds.
    assert!(!settling.is_over(at(34_000)));
    assert!(settling.is_over(at(36_000)));
}

#[test]
fn money_is_waited_for_as_long_as_a_dead_process_holds_it() {
    let mut settling = Settling::since(at(0));
    let mut unsettled = seen(1_000);
    let payment = unsettled.databases.payments.get_mut(&COMPLETE).unwrap();
    payment.due_at = Some(bson::DateTime::from_millis(NOW + 10_000));
    settling.look(&unsettled);
    assert!(!settling.is_over(at(23_000)));
    assert!(settling.is_over(at(24_001)));
}

#[test]
fn what_took_longer_than_ten_seconds_is_found_although_it_came_right() {
    let mut settling = Settling::since(at(0));
    settling.look(&sample::snapshot());
    settling.look(&apart(9_000));
    settling.look(&apart(10_500));
    assert_eq!(settling.late_but_right(&[]), []);
    settling.look(&apart(11_500));
    settling.look(&seen(12_000));
    let [late] = &settling.late_but_right(&[])[..] else {
        panic!("not one violation")
    };
    assert_eq!(late.invariant, Invariant::I7);
    assert!(
        late.words.starts_with("11 s after the last fault"),
        "{late}"
    );
}
