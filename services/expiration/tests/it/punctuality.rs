//! Orders expire on time and once.

use std::time::Duration;

use common::events::OrderState;
use common::{OrderStatus, Subject};
use expiration::queue::Job;
use testkit::{Servers, eventually};

use crate::fixture::{Fixture, MACHINE, TIMEOUT, assert_punctual, expired_within, keys};
use crate::{created, in_milliseconds, job_at, now, order_expiring_at, start};

const PUNCTUAL: Duration = Duration::from_secs(2);

#[tokio::test]
async fn orders_expire_on_time_and_never_early() {
    let _shared = MACHINE.read().await;
    let app = start().await;
    let orders: Vec<_> = (0..300)
        .map(|_| order_expiring_at(in_milliseconds(rand::random_range(0..3_000))))
        .collect();
    for order in &orders {
        app.publish(created(order)).await;
    }
    let expired = expired_within(TIMEOUT, app.broker(), orders.len()).await;
    assert_punctual(expired.values(), PUNCTUAL);
    for order in orders {
        assert_eq!(expired[&order.id].due, order.expires_at);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_thousand_orders_a_second_expire_on_time() {
    let _shared = MACHINE.read().await;
    let fixture = Fixture::start().await;
    let process = fixture.process().await;
    let begin = in_milliseconds(3_000);
    let jobs: Vec<Job> = (0..3_000)
        .map(|millisecond| job_at(begin.plus(Duration::from_millis(millisecond))))
        .collect();
    fixture.schedule(&jobs).await;
    assert!(now() < begin, "this machine is too slow for this test");
    let expired = fixture.expired(jobs.len()).await;
    assert_punctual(expired.values(), PUNCTUAL);
    fixture.finish([process]).await;
}

#[tokio::test]
async fn an_order_created_by_several_events_expires_once() {
    let app = start().await;
    let order = order_expiring_at(in_milliseconds(500));
    for _ in 0..3 {
        app.publish(created(&order)).await;
    }
    app.expect_event(Subject::ExpirationComplete, |_| true)
        .await;
    // Delivered again after its job is done. The expiration of the next order shows that this event was handled.
    app.deliver_again(created(&order)).await;
    app.publish(created(&order_expiring_at(now()))).await;
    expired_within(TIMEOUT, app.broker(), 2).await;
    assert_eq!(app.published(Subject::ExpirationComplete).await.len(), 2);
    app.finish().await;
}

#[tokio::test]
async fn an_ended_order_gets_no_job() {
    let app = start().await;
    for status in [OrderStatus::Complete, OrderStatus::Cancelled] {
        let ended = order_expiring_at(now());
        app.publish(created(&OrderState { status, ..ended })).await;
    }
    let open = order_expiring_at(now());
    app.publish(created(&open)).await;
    let expired = expired_within(TIMEOUT, app.broker(), 1).await;
    assert!(expired.contains_key(&open.id));
    assert_eq!(app.published(Subject::ExpirationComplete).await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn finished_jobs_leave_nothing_in_redis() {
    let app = start().await;
    for _ in 0..20 {
        app.publish(created(&order_expiring_at(now()))).await;
    }
    expired_within(TIMEOUT, app.broker(), 20).await;
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
