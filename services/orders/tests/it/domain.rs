//! Properties of an order's transitions.

use common::events::CancellationReason;
use common::{OrderStatus, Price, Timestamp};
use mongo::new_id;
use orders::domain::{CancelError, NotYetExpired, Order, OrderedTicket};
use proptest::prelude::*;

const EXPIRES_AT: i64 = 1_000;

fn new_order() -> Order {
    let ticket = OrderedTicket {
        id: new_id(),
        title: "Front row".parse().unwrap(),
        price: Price::from_cents(1_999).unwrap(),
        version: 3,
    };
    Order::new(
        new_id(),
        new_id(),
        ticket,
        Timestamp::from_milliseconds(EXPIRES_AT),
    )
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Confirm,
    Complete,
    CancelByBuyer,
    CancelByStranger,
    Expire(i64),
    Refund,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        Just(Move::Confirm),
        Just(Move::Complete),
        Just(Move::CancelByBuyer),
        Just(Move::CancelByStranger),
        (0..2 * EXPIRES_AT).prop_map(Move::Expire),
        Just(Move::Refund),
    ];
    proptest::collection::vec(one, 0..20)
}

/// The next state, if the move leads to one.
fn make(order: &Order, next: Move) -> Option<Order> {
    match next {
        Move::Confirm => order.confirm(),
        Move::Complete => order.complete(),
        Move::CancelByBuyer => order.cancel(order.buyer).ok().flatten(),
        Move::CancelByStranger => order.cancel(new_id()).ok().flatten(),
        Move::Expire(now) => order
            .expire(Timestamp::from_milliseconds(now))
            .ok()
            .flatten(),
        Move::Refund => order.refund(),
    }
}

proptest! {
    #[test]
    fn every_change_is_one_version_on_and_the_end_is_the_end(moves in moves()) {
        let mut order = new_order();
        for next in moves {
            let Some(changed) = make(&order, next) else { continue };
            let may_change = match next {
                Move::Refund => order.status != OrderStatus::Cancelled,
                _ => order.status.is_active(),
            };
            prop_assert!(may_change, "{} is the end", order.status);
            prop_assert_eq!(changed.version, order.version + 1);
            prop_assert_ne!(changed.status, order.status);
            prop_assert_ne!(changed.status, OrderStatus::Created);
            prop_assert_eq!(changed.reason.is_some(), changed.status == OrderStatus::Cancelled);
            prop_assert_eq!((&changed.ticket, changed.buyer), (&order.ticket, order.buyer));
            order = changed;
        }
    }

    #[test]
    fn nothing_expires_before_its_time(now in 0..EXPIRES_AT) {
        prop_assert!(new_order().expire(Timestamp::from_milliseconds(now)).is_err());
    }

    #[test]
    fn the_event_tells_the_state(moves in moves()) {
        let order = moves.into_iter().fold(new_order(), |order, next| {
            make(&order, next).unwrap_or(order)
        });
        let event = order.event();
        prop_assert_eq!(event.version(), Some(order.version));
        prop_assert_eq!(event.entity_id(), order.id.to_string());
        prop_assert_eq!(order.state().status, order.status);
    }
}

/// What is left of the state: where it stands, and why.
fn ended(order: Option<Order>) -> Option<(OrderStatus, Option<CancellationReason>)> {
    order.map(|order| (order.status, order.reason))
}

/// Every move from every state, with what it must lead to.
#[test]
fn each_state_allows_its_moves_and_no_others() {
    let created = new_order();
    let awaiting = created.confirm().unwrap();
    let complete = awaiting.complete().unwrap();
    let cancelled = awaiting.cancel(awaiting.buyer).unwrap().unwrap();
    let (early, due) = (EXPIRES_AT - 1, EXPIRES_AT);
    let expire = |order: &Order, now| order.expire(Timestamp::from_milliseconds(now));
    let paid = Some((OrderStatus::Complete, None));
    let owner = Some((OrderStatus::Cancelled, Some(CancellationReason::Owner)));
    let expired = Some((OrderStatus::Cancelled, Some(CancellationReason::Expired)));
    let refunded = Some((OrderStatus::Cancelled, Some(CancellationReason::Refunded)));
    for active in [&created, &awaiting] {
        assert_eq!(ended(active.complete()), paid);
        assert_eq!(ended(active.cancel(active.buyer).unwrap()), owner);
        assert_eq!(ended(expire(active, due).unwrap()), expired);
        assert_eq!(expire(active, early), Err(NotYetExpired(active.expires_at)));
    }
    for paid_or_about_to_be in [&created, &awaiting, &complete] {
        assert_eq!(ended(paid_or_about_to_be.refund()), refunded);
    }
    assert_eq!(cancelled.refund(), None);
    assert_eq!(awaiting.confirm(), None);
    for end in [&complete, &cancelled] {
        assert_eq!((end.confirm(), end.complete()), (None, None));
        assert_eq!((expire(end, early), expire(end, due)), (Ok(None), Ok(None)));
    }
    assert_eq!(complete.cancel(complete.buyer), Err(CancelError::Complete));
    assert_eq!(cancelled.cancel(cancelled.buyer), Ok(None));
}

#[test]
fn a_complete_order_cannot_be_cancelled_and_a_stranger_cancels_nothing() {
    let order = new_order();
    let complete = order.complete().unwrap();
    assert_eq!(complete.cancel(order.buyer), Err(CancelError::Complete));
    assert_eq!(order.cancel(new_id()), Err(CancelError::NotTheBuyer));
    assert_eq!(complete.complete(), None);
}
