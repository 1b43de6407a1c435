//! Orders end: paid, given up, or out of time.

use std::time::Duration;

use common::OrderStatus;
use common::events::CancellationReason;
use testkit::TestApp;

use crate::{
    expiration_of, order, path, payment_of, refund_of, settled, show, start, start_with_clock,
    ticket_for_sale, told_cancellation, wait_for_retry, wait_for_status,
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
    let told = told_cancellation(&app, &order).await;
    assert_eq!(told.reason, Some(CancellationReason::Owner));
    app.finish().await;
}

#[tokio::test]
async fn a_paid_order_is_complete_for_ever() {
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
    let answer = app
        .user()
        .post("/api/orders", serde_json::json!({ "ticketId": ticket.id }))
        .await;
    assert_eq!(
        (answer.status, answer.message()),
        (400, "Ticket is already reserved")
    );
    assert_eq!(show(&buyer, &order).await, complete);
    app.finish().await;
}

#[tokio::test]
async fn an_order_out_of_time_is_cancelled_and_its_ticket_free() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let ticket = ticket_for_sale(&app).await;
    let order = order(&buyer, &ticket).await;
    assert_eq!(order.expires_at, clock.now().plus(Duration::from_mins(15)));
    clock.advance(Duration::from_mins(15));
    app.publish(expiration_of(&order)).await;
    wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
    let told = told_cancellation(&app, &order).await;
    assert_eq!(told.reason, Some(CancellationReason::Expired));
    crate::order(&app.user(), &ticket).await;
    app.finish().await;
}

#[tokio::test]
async fn no_order_is_cancelled_before_its_time() {
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
async fn an_end_that_comes_too_early_waits_at_the_broker_until_it_is_due() {
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
    // Once when it was due; once more if that was some milliseconds early.
    assert!((1..=2).contains(&redelivered), "{redelivered}");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_that_comes_too_late_changes_nothing() {
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
async fn a_paid_order_whose_money_went_back_is_cancelled_and_its_ticket_free() {
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
    let told = told_cancellation(&app, &order).await;
    // Older consumers could not read the reason.
    assert_eq!((told.version, told.reason), (cancelled.version, None));
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
async fn a_refund_of_an_order_that_was_given_up_changes_nothing() {
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
async fn a_refunded_order_is_stored_so_that_an_older_release_can_read_it() {
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
async fn a_payment_and_a_cancellation_at_once_leave_one_of_both() {
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
