//! Jobs that Redis has lost are recreated from the event stream.

use std::collections::BTreeSet;

use base::{Clock, Environment};
use common::events::ExpirationState;
use common::{Event, Id, Timestamp};
use expiration::domain::{OpenOrders, Share};
use expiration::queue::{Checkpoint, JobQueue, RedisConfig};
use proptest::prelude::*;
use testkit::{Servers, eventually};

use crate::fixture::{
    Fixture, TIMEOUT, assert_punctual, expirations, expired_within, wait_until_consumed,
};
use crate::{cancelled, created, in_milliseconds, job_at, now, order_expiring_at, paid, start};

#[tokio::test]
async fn an_emptied_redis_is_refilled_at_the_next_start() {
    let fixture = Fixture::start().await;
    let first = fixture.process().await;
    let done = order_expiring_at(now());
    fixture.publish(created(&done)).await;
    fixture.expired(1).await;
    let time = |n: u64| in_milliseconds(3_000 + 20 * n);
    let open: Vec<_> = (0..50).map(|n| order_expiring_at(time(n))).collect();
    let (given_up, bought) = (order_expiring_at(time(0)), order_expiring_at(time(0)));
    for order in open.iter().chain([&given_up, &bought]) {
        fixture.publish(created(order)).await;
    }
    let queue = fixture.queue();
    eventually("every order has a job", async || {
        (queue.count().await.unwrap() >= 52).then_some(())
    })
    .await;
    fixture.publish(cancelled(&given_up)).await;
    fixture.publish(paid(bought.id)).await;
    first.kill().await;
    fixture.empty_queue().await;
    let second = fixture.process().await;
    let expired = fixture.expired(51).await;
    assert_punctual(expired.values(), TIMEOUT);
    assert!(open.iter().all(|order| expired.contains_key(&order.id)));
    fixture.finish([second]).await;
}

#[tokio::test]
async fn jobs_that_a_running_redis_loses_are_recreated() {
    let fixture = Fixture::start().await;
    let process = fixture.process().await;
    let done = order_expiring_at(now());
    fixture.publish(created(&done)).await;
    fixture.expired(1).await;
    let waiting = order_expiring_at(in_milliseconds(3_000));
    fixture.publish(created(&waiting)).await;
    let queue = fixture.queue();
    let job = eventually("the order has a job", async || {
        (queue.count().await.unwrap() > 0).then_some(())
    });
    job.await;
    fixture.empty_queue().await;
    let expired = fixture.expired(2).await;
    assert_punctual(expired.values(), TIMEOUT);
    assert!(expired.contains_key(&waiting.id));
    fixture.finish([process]).await;
}

/// An event of one of six orders.
fn order_event() -> impl Strategy<Value = (u8, Event)> {
    (0..6_u8, 0..4_u8).prop_map(|(number, what)| {
        let order_id = Id::from_bytes([number; 12]);
        let expires_at = Timestamp::from_milliseconds(i64::from(number));
        let mut order = order_expiring_at(expires_at);
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
    /// A low limit makes several passes over the history necessary, one per share.
    #[test]
    fn open_orders_are_those_that_were_created_and_never_ended(
        history in prop::collection::vec(order_event(), 0..40),
        limit in 1..8_usize,
    ) {
        let (mut created, mut ended) = (BTreeSet::new(), BTreeSet::new());
        for (number, event) in &history {
            let set = if matches!(event, Event::OrderCreated(_)) { &mut created } else { &mut ended };
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
        let expected: Vec<_> = created.difference(&ended).copied().collect();
        prop_assert_eq!(open, expected);
    }
}

#[test]
fn orders_that_ended_are_forgotten() {
    let mut orders = OpenOrders::new(Share::ALL, usize::MAX);
    let open = order_expiring_at(now());
    orders.apply(&created(&open));
    for _ in 0..300_000 {
        let order = order_expiring_at(now());
        orders.apply(&created(&order));
        orders.apply(&paid(order.id));
        assert!(orders.tracked() < 100_010, "{}", orders.tracked());
    }
    let (expirations, others) = orders.finish();
    assert_eq!((expirations.len(), others), (1, vec![]));
    assert_eq!(expirations[0].order_id, open.id);
}

#[tokio::test]
async fn a_checkpoint_does_not_advance_if_redis_was_emptied_in_the_meantime() {
    let fixture = Fixture::start().await;
    let queue = fixture.queue();
    for _ in 0..2 {
        let before = queue.checkpoint().await.unwrap();
        fixture.empty_queue().await;
        // Another process starts to read the history from the beginning.
        let other = queue.checkpoint().await.unwrap();
        assert_ne!(before, other);
        let advanced = Checkpoint::new(7, 100);
        let stored = queue.replace_checkpoint(&before, &advanced).await.unwrap();
        assert_eq!((stored.sequence(7), &stored), (0, &other));
        // The other process can advance it.
        let stored = queue.replace_checkpoint(&other, &advanced).await.unwrap();
        assert_eq!(stored, advanced);
        assert_eq!(queue.checkpoint().await.unwrap(), advanced);
    }
    fixture.empty_queue().await;
    fixture.finish([]).await;
}

#[tokio::test]
async fn an_expired_order_does_not_become_pending_again_while_its_job_exists() {
    let fixture = Fixture::start().await;
    let (queue, due) = (fixture.queue(), job_at(now()));
    queue.schedule(&[due]).await.unwrap();
    assert_eq!(queue.pending().await.unwrap(), 1);
    queue.mark_published(&due).await.unwrap();
    // Its job has not been deleted yet.
    queue.schedule(&[due]).await.unwrap();
    assert_eq!(queue.pending().await.unwrap(), 0);
    fixture.empty_queue().await;
    queue.schedule(&[due]).await.unwrap();
    assert_eq!(queue.pending().await.unwrap(), 1);
    fixture.empty_queue().await;
    fixture.finish([]).await;
}

#[tokio::test]
async fn a_restart_reads_only_new_events() {
    let app = start().await;
    let far = in_milliseconds(600_000);
    for _ in 0..30 {
        app.publish(created(&order_expiring_at(far))).await;
    }
    let stream = app.broker().jetstream().get_stream(app.broker().stream());
    let stream = stream.await.unwrap();
    let stream_created = stream.cached_info().created.unix_timestamp_nanos();
    let mut environment = Environment::of([
        ("REDIS_HOST".to_owned(), Servers::shared().await.redis_url()),
        (
            "REDIS_NAMESPACE".to_owned(),
            app.namespace().stream().to_owned(),
        ),
    ]);
    let config = RedisConfig::read(&mut environment).unwrap();
    let queue = JobQueue::open(&config, Clock::system()).unwrap();

    let app = app.restart().await;
    eventually("the first start has read all events", async || {
        queue.checkpoint().await.unwrap().sequence(stream_created) == 30
    })
    .await;

    let app = app.restart().await;
    app.publish(created(&order_expiring_at(far))).await;
    // Its event is late, so it gets its job from the history.
    let late = order_expiring_at(now());
    app.publish(created(&late)).await;
    let expired = expired_within(TIMEOUT, app.broker(), 1).await;
    assert!(expired.contains_key(&late.id));
    let scrape = app.metrics().await;
    let events_read = scrape.count("ticketing_expiration_history_events_total", &[]);
    assert!((1..=3).contains(&events_read), "{events_read}");
    app.finish().await;
}

#[tokio::test]
async fn late_events_add_jobs_only_for_open_orders() {
    let fixture = Fixture::start().await;
    let open = order_expiring_at(now());
    for number in 0..100 {
        let order = order_expiring_at(now());
        // An end may be published before the creation.
        let mut events = [created(&order), cancelled(&order)];
        if number % 2 == 0 {
            events.reverse();
        }
        for event in events {
            fixture.publish(event).await;
        }
        if number == 50 {
            fixture.publish(created(&open)).await;
        }
    }
    let process = fixture.process().await;
    let last = order_expiring_at(in_milliseconds(2_000));
    fixture.publish(created(&last)).await;
    let expired = fixture.expired(2).await;
    assert!(expired.contains_key(&open.id) && expired.contains_key(&last.id));
    wait_until_consumed(fixture.broker(), TIMEOUT).await;
    assert_eq!(
        expirations(fixture.broker()).await,
        2,
        "only open orders expire"
    );
    fixture.finish([process]).await;
}
