//! What Redis has lost is made again from the event stream.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Clock;
use base::Environment;
use common::events::ExpirationState;
use common::{Event, Id, Timestamp};
use expiration::domain::{OpenOrders, Share};
use expiration::queue::{Checkpoint, JobQueue, RedisConfig};
use proptest::prelude::*;
use testkit::{Servers, TestApp, eventually};

use crate::stage::{Stage, assert_punctual, expirations, expired, until_consumed};
use crate::{cancelled, created, in_milliseconds, job_at, now, order_until, paid, start};

const PATIENCE: Duration = Duration::from_secs(30);

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
    /// Also when few may be tracked at once, so that the history is read once for each of several shares.
    #[test]
    fn open_are_the_orders_that_were_created_and_never_ended(
        history in prop::collection::vec(happening(), 0..40),
        limit in 1..8_usize,
    ) {
        let (mut made, mut ended) = (BTreeSet::new(), BTreeSet::new());
        for (number, event) in &history {
            let set = if matches!(event, Event::OrderCreated(_)) { &mut made } else { &mut ended };
            set.insert(*number);
        }
        let mut open = Vec::new();
        let mut shares = vec![Share::ALL];
        while let Some(share) = shares.pop() {
            let mut orders = OpenOrders::new(share, limit);
            for (_, event) in &history {
                orders.apply(event);
            }
            let (expirations, others) = orders.finish();
            prop_assert!(expirations.len() <= limit);
            prop_assert!(expirations.is_sorted_by_key(|open| open.expires_at));
            open.extend(expirations.iter().map(|open| open.order_id.bytes()[0]));
            shares.extend(others);
        }
        open.sort_unstable();
        let expected: Vec<_> = made.difference(&ended).copied().collect();
        prop_assert_eq!(open, expected);
    }
}

#[test]
fn orders_that_ended_are_forgotten() {
    let mut orders = OpenOrders::new(Share::ALL, usize::MAX);
    let open = order_until(now());
    orders.apply(&created(&open));
    for _ in 0..300_000 {
        let order = order_until(now());
        orders.apply(&created(&order));
        orders.apply(&paid(order.id));
        assert!(orders.tracked() < 100_010, "{}", orders.tracked());
    }
    let (expirations, others) = orders.finish();
    assert_eq!((expirations.len(), others), (1, vec![]));
    assert_eq!(expirations[0].order_id, open.id);
}

#[tokio::test]
async fn a_checkpoint_is_not_moved_when_redis_was_emptied_in_the_meantime() {
    let stage = Stage::on(Servers::shared().await).await;
    let queue = stage.queue();
    for _ in 0..2 {
        let before = queue.checkpoint().await.unwrap();
        stage.empty_queue().await;
        // Another process begins to read the history from its beginning.
        let other = queue.checkpoint().await.unwrap();
        assert_ne!(before, other);
        let moved = Checkpoint::new(7, 100);
        let stored = queue.replace_checkpoint(&before, &moved).await.unwrap();
        assert_eq!((stored.sequence(7), &stored), (0, &other));
        // That one does move it.
        let stored = queue.replace_checkpoint(&other, &moved).await.unwrap();
        assert_eq!(stored, moved);
        assert_eq!(queue.checkpoint().await.unwrap(), moved);
    }
    stage.empty_queue().await;
    stage.clear().await;
}

#[tokio::test]
async fn an_order_that_has_expired_is_not_overdue_when_its_job_is_created_again() {
    let stage = Stage::on(Servers::shared().await).await;
    let (queue, due) = (stage.queue(), job_at(now()));
    queue.schedule(&[due]).await.unwrap();
    assert_eq!(queue.untold().await.unwrap(), 1);
    queue.told(&due).await.unwrap();
    // Its job is done, and not yet forgotten.
    queue.schedule(&[due]).await.unwrap();
    assert_eq!(queue.untold().await.unwrap(), 0);
    stage.empty_queue().await;
    queue.schedule(&[due]).await.unwrap();
    assert_eq!(queue.untold().await.unwrap(), 1);
    stage.empty_queue().await;
    stage.clear().await;
}

#[tokio::test]
async fn a_start_reads_only_what_is_new() {
    let app = start().await;
    let far = in_milliseconds(600_000);
    for _ in 0..30 {
        app.publish(created(&order_until(far))).await;
    }
    let stream = app.broker().jetstream().get_stream(app.broker().stream());
    let stream = stream.await.unwrap();
    let born = stream.cached_info().created.unix_timestamp_nanos();
    let mut environment = Environment::of([
        ("REDIS_HOST".to_owned(), Servers::shared().await.redis_url()),
        (
            "REDIS_NAMESPACE".to_owned(),
            app.namespace().stream().to_owned(),
        ),
    ]);
    let config = RedisConfig::read(&mut environment).unwrap();
    let queue = JobQueue::open(&config, Clock::system()).unwrap();

    let read = async |app: &TestApp| {
        let scrape = app.metrics().await;
        scrape.count("ticketing_expiration_history_events_total", &[])
    };
    let app = app.restart().await;
    eventually("the first start has read all", async || {
        queue.checkpoint().await.unwrap().sequence(born) == 30
    })
    .await;

    let app = app.restart().await;
    app.publish(created(&order_until(far))).await;
    // Late, so it waits until the history was read.
    let late = order_until(now());
    app.publish(created(&late)).await;
    let fired = expired(app.broker(), 1, PATIENCE).await;
    assert!(fired.contains_key(&late.id));
    assert!((1..=3).contains(&read(&app).await), "{}", read(&app).await);
    app.finish().await;
}

#[tokio::test]
async fn late_events_schedule_only_orders_that_are_open() {
    let stage = Stage::on(Servers::shared().await).await;
    let open = order_until(now());
    for number in 0..100 {
        let order = order_until(now());
        // An end may be published before the creation.
        let mut events = [created(&order), cancelled(&order)];
        if number % 2 == 0 {
            events.reverse();
        }
        for event in events {
            stage.publish(event).await;
        }
        if number == 50 {
            stage.publish(created(&open)).await;
        }
    }
    let process = stage.process().await;
    let last = order_until(in_milliseconds(2_000));
    stage.publish(created(&last)).await;
    let fired = expired(stage.broker(), 2, PATIENCE).await;
    assert!(fired.contains_key(&open.id) && fired.contains_key(&last.id));
    until_consumed(stage.broker(), PATIENCE).await;
    assert_eq!(
        expirations(stage.broker()).await,
        2,
        "only open orders expire"
    );
    assert!(process.stop(PATIENCE).await.success());
    stage.clear().await;
}
