//! When an order expires, and how often.

use std::time::Duration;

use common::events::OrderState;
use common::{OrderStatus, Subject};
use expiration::queue::Job;
use testkit::{Servers, eventually};

use crate::stage::{MACHINE, Stage, assert_punctual, expired, keys};
use crate::{created, in_milliseconds, job_at, now, order_until, start};

const PUNCTUAL: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_order_expires_at_its_moment_and_never_before() {
    let _shared = MACHINE.read().await;
    let app = start().await;
    let orders: Vec<_> = (0..300)
        .map(|_| order_until(in_milliseconds(rand::random_range(0..3_000))))
        .collect();
    for order in &orders {
        app.publish(created(order)).await;
    }
    let expired = expired(app.broker(), orders.len(), PATIENCE).await;
    assert_punctual(expired.values(), PUNCTUAL);
    for order in orders {
        assert_eq!(expired[&order.id].due, order.expires_at);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_thousand_orders_a_second_expire_on_time() {
    let _shared = MACHINE.read().await;
    let stage = Stage::on(Servers::shared().await).await;
    let process = stage.process().await;
    let begin = in_milliseconds(3_000);
    let jobs: Vec<Job> = (0..3_000)
        .map(|millisecond| job_at(begin.plus(Duration::from_millis(millisecond))))
        .collect();
    stage.queue().schedule(&jobs).await.unwrap();
    assert!(now() < begin, "this machine is too slow to tell");
    let expired = expired(stage.broker(), jobs.len(), PATIENCE).await;
    assert_punctual(expired.values(), PUNCTUAL);
    process.stop(PATIENCE).await;
    stage.clear().await;
}

#[tokio::test]
async fn an_order_told_of_several_times_expires_once() {
    let app = start().await;
    let order = order_until(in_milliseconds(500));
    for _ in 0..3 {
        app.publish(created(&order)).await;
    }
    app.expect_event(Subject::ExpirationComplete, |_| true)
        .await;
    // Told again when its job is long gone, and followed by another whose end shows that it was dealt with.
    app.deliver_again(created(&order)).await;
    app.publish(created(&order_until(now()))).await;
    expired(app.broker(), 2, PATIENCE).await;
    assert_eq!(app.published(Subject::ExpirationComplete).await.len(), 2);
    app.finish().await;
}

#[tokio::test]
async fn an_order_that_has_ended_gets_no_job() {
    let app = start().await;
    for status in [OrderStatus::Complete, OrderStatus::Cancelled] {
        let ended = order_until(now());
        app.publish(created(&OrderState { status, ..ended })).await;
    }
    let open = order_until(now());
    app.publish(created(&open)).await;
    let expired = expired(app.broker(), 1, PATIENCE).await;
    assert!(expired.contains_key(&open.id));
    assert_eq!(app.published(Subject::ExpirationComplete).await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn jobs_that_are_done_leave_nothing_in_redis() {
    let app = start().await;
    for _ in 0..20 {
        app.publish(created(&order_until(now()))).await;
    }
    expired(app.broker(), 20, PATIENCE).await;
    let client = redis::Client::open(Servers::shared().await.redis_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let namespace = app.namespace().stream().to_owned();
    let checkpoint = format!("{namespace}:checkpoint");
    eventually("only the worker and the checkpoint are left", async || {
        let mut left = keys(&mut connection, &namespace).await;
        left.retain(|key| !key.contains(":workers") && *key != checkpoint);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
    app.finish().await;
    let left = keys(&mut connection, &namespace).await;
    assert_eq!(left, [checkpoint], "left after the stop");
}
