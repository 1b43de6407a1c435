//! The order's state machine.

use common::events::CancellationReason;
use common::{Event, OrderStatus, Price, Timestamp};
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
    let expires_at = Timestamp::from_milliseconds(EXPIRES_AT);
    Order::new(new_id(), new_id(), ticket, expires_at)
}

#[derive(Debug, Clone, Copy)]
enum Transition {
    Confirm,
    Complete,
    CancelByBuyer,
    CancelByStranger,
    Expire(i64),
    Refund,
}

fn transitions() -> impl Strategy<Value = Vec<Transition>> {
    let one = prop_oneof![
        Just(Transition::Confirm),
        Just(Transition::Complete),
        Just(Transition::CancelByBuyer),
        Just(Transition::CancelByStranger),
        (0..2 * EXPIRES_AT).prop_map(Transition::Expire),
        Just(Transition::Refund),
    ];
    proptest::collection::vec(one, 0..20)
}

/// The next state, if the transition is allowed.
fn apply(order: &Order, transition: Transition) -> Option<Order> {
    match transition {
        Transition::Confirm => order.confirm(),
        Transition::Complete => order.complete(),
        Transition::CancelByBuyer => order.cancel(order.buyer()).ok().flatten(),
        Transition::CancelByStranger => order.cancel(new_id()).ok().flatten(),
        Transition::Expire(now) => order
            .expire(Timestamp::from_milliseconds(now))
            .ok()
            .flatten(),
        Transition::Refund => order.refund(),
    }
}

proptest! {
    #[test]
    fn every_change_increments_the_version_and_final_states_stay(transitions in transitions()) {
        let mut order = new_order();
        for transition in transitions {
            let Some(changed) = apply(&order, transition) else { continue };
            let may_change = match transition {
                Transition::Refund => order.status() != OrderStatus::Cancelled,
                _ => order.status().is_active(),
            };
            prop_assert!(may_change, "{} is final", order.status());
            prop_assert_eq!(changed.version(), order.version() + 1);
            prop_assert_ne!(changed.status(), order.status());
            prop_assert_ne!(changed.status(), OrderStatus::Created);
            let is_cancelled = changed.status() == OrderStatus::Cancelled;
            prop_assert_eq!(changed.reason().is_some(), is_cancelled);
            prop_assert_eq!((changed.ticket(), changed.buyer()), (order.ticket(), order.buyer()));
            let published = is_cancelled.then(|| changed.event());
            prop_assert_eq!(changed.change_event(), published);
            order = changed;
        }
    }

    #[test]
    fn no_order_expires_early(now in 0..EXPIRES_AT) {
        prop_assert!(new_order().expire(Timestamp::from_milliseconds(now)).is_err());
    }

    #[test]
    fn the_event_carries_the_present_state(transitions in transitions()) {
        let order = transitions.into_iter().fold(new_order(), |order, transition| {
            apply(&order, transition).unwrap_or(order)
        });
        let event = order.event();
        prop_assert_eq!(event.version(), Some(order.version()));
        prop_assert_eq!(event.entity_id(), order.id().to_string());
        let (Event::OrderCreated(state) | Event::OrderCancelled(state)) = event else {
            panic!("{event:?}")
        };
        prop_assert_eq!(state.status, order.status());
    }
}

fn status_and_reason(order: Option<Order>) -> Option<(OrderStatus, Option<CancellationReason>)> {
    order.map(|order| (order.status(), order.reason()))
}

#[test]
fn each_state_allows_only_its_transitions() {
    let created = new_order();
    let awaiting = created.confirm().unwrap();
    let complete = awaiting.complete().unwrap();
    let cancelled = awaiting.cancel(awaiting.buyer()).unwrap().unwrap();
    let (early, due) = (EXPIRES_AT - 1, EXPIRES_AT);
    let expire = |order: &Order, now| order.expire(Timestamp::from_milliseconds(now));
    let paid = Some((OrderStatus::Complete, None));
    let owner = Some((OrderStatus::Cancelled, Some(CancellationReason::Owner)));
    let expired = Some((OrderStatus::Cancelled, Some(CancellationReason::Expired)));
    let refunded = Some((OrderStatus::Cancelled, Some(CancellationReason::Refunded)));
    for active in [&created, &awaiting] {
        assert_eq!(status_and_reason(active.complete()), paid);
        let by_buyer = active.cancel(active.buyer()).unwrap();
        assert_eq!(status_and_reason(by_buyer), owner);
        assert_eq!(status_and_reason(expire(active, due).unwrap()), expired);
        let too_early = Err(NotYetExpired(active.expires_at()));
        assert_eq!(expire(active, early), too_early);
    }
    for refundable in [&created, &awaiting, &complete] {
        assert_eq!(status_and_reason(refundable.refund()), refunded);
    }
    assert_eq!(cancelled.refund(), None);
    assert_eq!(awaiting.confirm(), None);
    for ended in [&complete, &cancelled] {
        assert_eq!((ended.confirm(), ended.complete()), (None, None));
        let expired = (expire(ended, early), expire(ended, due));
        assert_eq!(expired, (Ok(None), Ok(None)));
    }
    let of_paid = complete.cancel(complete.buyer());
    assert_eq!(of_paid, Err(CancelError::Complete));
    assert_eq!(cancelled.cancel(cancelled.buyer()), Ok(None));
    assert_eq!(complete.complete(), None);
}

#[test]
fn only_the_buyer_can_cancel_an_order() {
    let order = new_order();
    assert_eq!(order.cancel(new_id()), Err(CancelError::NotTheBuyer));
}
