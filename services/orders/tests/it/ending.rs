//! Orders are paid, cancelled, expire or are refunded.

use std::time::Duration;

use common::OrderStatus;
use common::events::CancellationReason;
use testkit::TestApp;

use crate::{
    assert_reserved, expiration_of, order, path, payment_of, published_cancellation, refund_of,
    settled, show, start, start_with_clock, ticket_for_sale, wait_for_retry, wait_for_status,
};

#[tokio::test]
async fn cancelling_twice_changes_nothing() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    let cancelled = show(&buyer, &order).await;
    assert_eq!(
        (cancelled.status, cancelled.version),
        (OrderStatus::Cancelled, 1)
    );
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    assert_eq!(show(&buyer, &order).await, cancelled);
    let published = published_cancellation(&app, &order).await;
    assert_eq!(published.reason, Some(CancellationReason::Owner));
    app.finish().await;
}

#[tokio::test]
async fn a_paid_order_neither_expires_nor_can_be_cancelled() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let ticket = ticket_for_sale(&app).await;
    let order = order(&buyer, &ticket).await;
    app.publish(payment_of(&order)).await;
    let complete = wait_for_status(&buyer, &order, OrderStatus::Complete).await;
    let answer = buyer.delete(&path(&order)).await;
    assert_eq!(
        (answer.status, answer.message()),
        (400, "Cannot cancel a paid order")
    );
    clock.advance(Duration::from_secs(901));
    app.publish(expiration_of(&order)).await;
    settled(&app).await;
    assert_reserved(&app.user(), &ticket).await;
    assert_eq!(show(&buyer, &order).await, complete);
    app.finish().await;
}

#[tokio::test]
async fn an_expired_order_is_cancelled_and_frees_its_ticket() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let ticket = ticket_for_sale(&app).await;
    let order = order(&buyer, &ticket).await;
    assert_eq!(order.expires_at, clock.now().plus(Duration::from_mins(15)));
    clock.advance(Duration::from_mins(15));
    app.publish(expiration_of(&order)).await;
    wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
    let published = published_cancellation(&app, &order).await;
    assert_eq!(published.reason, Some(CancellationReason::Expired));
    crate::order(&app.user(), &ticket).await;
    app.finish().await;
}

#[tokio::test]
async fn no_order_expires_early() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    clock.advance(Duration::from_millis(899_999));
    app.publish(expiration_of(&order)).await;
    wait_for_retry(&app).await;
    assert_eq!(show(&buyer, &order).await.status, OrderStatus::Created);
    clock.advance(Duration::from_millis(1));
    wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
    app.finish().await;
}

#[tokio::test]
async fn an_early_expiration_event_waits_at_the_broker_until_it_is_due() {
    let app = TestApp::new(orders::NAME)
        .set("ORDER_EXPIRATION_SECONDS", "3")
        .start(orders::Config::read, orders::build)
        .await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(expiration_of(&order)).await;
    wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
    assert!(app.clock().now() >= order.expires_at);
    let redelivered = app.metrics().await;
    let redelivered = redelivered.count("ticketing_event_redeliveries_total", &[]);
    // One redelivery when it was due; a second one if the first was some milliseconds early.
    assert!((1..=2).contains(&redelivered), "{redelivered}");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_of_a_cancelled_order_changes_nothing() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    let cancelled = show(&buyer, &order).await;
    app.publish(payment_of(&order)).await;
    settled(&app).await;
    assert_eq!(show(&buyer, &order).await, cancelled);
    app.finish().await;
}

#[tokio::test]
async fn a_refunded_order_is_cancelled_and_frees_its_ticket() {
    let app = start().await;
    let buyer = app.user();
    let ticket = ticket_for_sale(&app).await;
    let order = order(&buyer, &ticket).await;
    app.publish(payment_of(&order)).await;
    let complete = wait_for_status(&buyer, &order, OrderStatus::Complete).await;
    for _ in 0..2 {
        app.deliver_again(refund_of(&order)).await;
    }
    let cancelled = wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
    assert_eq!(
        (cancelled.reason, cancelled.version),
        (Some(CancellationReason::Refunded), complete.version + 1)
    );
    let published = published_cancellation(&app, &order).await;
    // Older consumers cannot read the reason.
    assert_eq!(
        (published.version, published.reason),
        (cancelled.version, None)
    );
    crate::order(&app.user(), &ticket).await;
    settled(&app).await;
    assert_eq!(show(&buyer, &order).await, cancelled);
    app.finish().await;
}

#[tokio::test]
async fn a_refund_that_arrives_before_its_payment_cancels_the_order() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(refund_of(&order)).await;
    let cancelled = wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
    app.publish(payment_of(&order)).await;
    settled(&app).await;
    assert_eq!(show(&buyer, &order).await, cancelled);
    app.finish().await;
}

#[tokio::test]
async fn a_refund_of_a_cancelled_order_changes_nothing() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    let cancelled = show(&buyer, &order).await;
    app.publish(refund_of(&order)).await;
    settled(&app).await;
    assert_eq!(show(&buyer, &order).await, cancelled);
    assert_eq!(cancelled.reason, Some(CancellationReason::Owner));
    app.finish().await;
}

#[tokio::test]
async fn an_older_release_can_read_a_refunded_order() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(refund_of(&order)).await;
    wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
    let orders = app.database().collection::<bson::Document>("orders");
    let by_id = bson::doc! { "_id": mongo::object_id(order.id) };
    let stored = orders.find_one(by_id).await.unwrap().unwrap();
    assert_eq!(stored.get("reason"), Some(&bson::Bson::Null));
    assert!(stored.get_bool("refunded").unwrap());
    app.finish().await;
}

#[tokio::test]
async fn of_a_concurrent_payment_and_cancellation_only_one_succeeds() {
    let app = start().await;
    let buyer = app.user();
    for _ in 0..20 {
        let ticket = ticket_for_sale(&app).await;
        let order = order(&buyer, &ticket).await;
        let (path, paid) = (path(&order), payment_of(&order));
        let (cancelled, ()) = tokio::join!(buyer.delete(&path), app.publish(paid));
        let ended = match cancelled.status {
            204 => OrderStatus::Cancelled,
            400 => OrderStatus::Complete,
            other => panic!("{other}"),
        };
        wait_for_status(&buyer, &order, ended).await;
    }
    app.finish().await;
}
