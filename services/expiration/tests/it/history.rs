//! What Redis has lost is made again from the event stream.

use std::collections::BTreeSet;
use std::time::Duration;

use common::events::{ExpirationState, PaymentState};
use common::id::kind;
use common::{Event, Id, Price, Timestamp};
use expiration::domain::OpenOrders;
use proptest::prelude::*;
use service::mongo::new_id;
use testkit::{Servers, eventually};

use crate::stage::{Stage, assert_punctual, expired};
use crate::{cancelled, created, in_milliseconds, now, order_until};

const PATIENCE: Duration = Duration::from_secs(30);

fn paid(order_id: Id<kind::Order>) -> Event {
    Event::PaymentCreated(PaymentState {
        id: new_id(),
        version: 0,
        order_id,
        charge_id: "ch_1".to_owned(),
        price: Price::from_cents(2_000).unwrap(),
        refund_id: None,
    })
}

#[tokio::test]
async fn an_emptied_redis_is_filled_again_at_the_next_start() {
    let stage = Stage::on(Servers::shared().await).await;
    let first = stage.process().await;
    let done = order_until(now());
    stage.publish(created(&done)).await;
    expired(stage.broker(), 1, PATIENCE).await;
    let moment = |n: u64| in_milliseconds(3_000 + 20 * n);
    let open: Vec<_> = (0..50).map(|n| order_until(moment(n))).collect();
    let (given_up, bought) = (order_until(moment(0)), order_until(moment(0)));
    for order in open.iter().chain([&given_up, &bought]) {
        stage.publish(created(order)).await;
    }
    let queue = stage.queue();
    eventually("every order has a job", async || {
        (queue.count().await.unwrap() >= 52).then_some(())
    })
    .await;
    stage.publish(cancelled(&given_up)).await;
    stage.publish(paid(bought.id)).await;
    first.kill().await;
    stage.empty_queue().await;
    let second = stage.process().await;
    let expired = expired(stage.broker(), 51, PATIENCE).await;
    assert_punctual(expired.values(), PATIENCE);
    assert!(open.iter().all(|order| expired.contains_key(&order.id)));
    assert!(second.stop(PATIENCE).await.success());
    stage.clear().await;
}

#[tokio::test]
async fn jobs_that_vanish_from_a_running_redis_are_made_again() {
    let stage = Stage::on(Servers::shared().await).await;
    let process = stage.process().await;
    let done = order_until(now());
    stage.publish(created(&done)).await;
    expired(stage.broker(), 1, PATIENCE).await;
    let waiting = order_until(in_milliseconds(3_000));
    stage.publish(created(&waiting)).await;
    let queue = stage.queue();
    let job = eventually("the order has a job", async || {
        (queue.count().await.unwrap() > 0).then_some(())
    });
    job.await;
    stage.empty_queue().await;
    let expired = expired(stage.broker(), 2, PATIENCE).await;
    assert_punctual(expired.values(), PATIENCE);
    assert!(expired.contains_key(&waiting.id));
    assert!(process.stop(PATIENCE).await.success());
    stage.clear().await;
}

/// Something that happens to one of a few orders.
fn happening() -> impl Strategy<Value = (u8, Event)> {
    (0..6_u8, 0..4_u8).prop_map(|(number, what)| {
        let order_id = Id::from_bytes([number; 12]);
        let expires_at = Timestamp::from_milliseconds(i64::from(number));
        let mut order = order_until(expires_at);
        order.id = order_id;
        let event = match what {
            0 => created(&order),
            1 => cancelled(&order),
            2 => paid(order_id),
            _ => Event::ExpirationComplete(ExpirationState {
                order_id,
                expires_at,
            }),
        };
        (number, event)
    })
}

proptest! {
    #[test]
    fn open_are_the_orders_that_were_made_and_never_ended(
        history in prop::collection::vec(happening(), 0..40)
    ) {
        let (mut made, mut ended) = (BTreeSet::new(), BTreeSet::new());
        let mut orders = OpenOrders::default();
        for (number, event) in &history {
            let set = if matches!(event, Event::OrderCreated(_)) { &mut made } else { &mut ended };
            set.insert(*number);
            orders.apply(event);
        }
        let open: Vec<_> = orders.into_expirations().iter().map(|open| open.order_id.bytes()[0]).collect();
        let expected: Vec<_> = made.difference(&ended).copied().collect();
        prop_assert_eq!(open, expected);
    }
}
