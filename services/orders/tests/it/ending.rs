//! Orders end: paid, given up, or out of time.

use std::time::Duration;

use common::api::orders::OrderView;
use common::events::{CancellationReason, ExpirationState, PaymentState};
use common::{Event, OrderStatus, Subject};
use service::mongo::new_id;

use crate::{
    order, path, show, start, start_with_clock, ticket_for_sale, told_cancellation, wait_for_status,
};

fn payment_of(order: &OrderView) -> Event {
    Event::PaymentCreated(PaymentState {
        id: new_id(),
        version: 1,
        order_id: order.id,
        charge_id: "ch_1".to_owned(),
        price: order.ticket.price,
        refund_id: None,
    })
}

fn expiration_of(order: &OrderView) -> Event {
    Event::ExpirationComplete(ExpirationState {
        order_id: order.id,
        expires_at: order.expires_at,
    })
}

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
    // A later event of another order shows that this one was looked at.
    let other = crate::order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(payment_of(&other)).await;
    wait_for_status(&buyer, &other, OrderStatus::Complete).await;
    assert_eq!(show(&buyer, &order).await.status, OrderStatus::Created);
    clock.advance(Duration::from_millis(1));
    wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
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
    let other = crate::order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(payment_of(&other)).await;
    wait_for_status(&buyer, &other, OrderStatus::Complete).await;
    assert_eq!(show(&buyer, &order).await, cancelled);
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

#[tokio::test]
async fn every_event_twice_and_in_any_order_leaves_the_same_state() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let mut paid = Vec::new();
    let mut expired = Vec::new();
    for _ in 0..6 {
        paid.push(order(&buyer, &ticket_for_sale(&app).await).await);
        expired.push(order(&buyer, &ticket_for_sale(&app).await).await);
    }
    clock.advance(Duration::from_mins(15));
    for (number, (paid, expired)) in paid.iter().zip(&expired).enumerate() {
        let mut events = vec![payment_of(paid), expiration_of(expired)];
        events.extend(events.clone());
        events.rotate_left(number % 4);
        for event in events {
            app.deliver_again(event).await;
        }
    }
    for order in &paid {
        wait_for_status(&buyer, order, OrderStatus::Complete).await;
        app.deliver_again(expiration_of(order)).await;
    }
    for order in &expired {
        wait_for_status(&buyer, order, OrderStatus::Cancelled).await;
        app.deliver_again(payment_of(order)).await;
    }
    let last = order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(payment_of(&last)).await;
    wait_for_status(&buyer, &last, OrderStatus::Complete).await;
    for order in paid.iter().chain(&expired) {
        assert_eq!(show(&buyer, order).await.version, 1);
    }
    assert_eq!(
        app.published(Subject::OrderCancelled).await.len(),
        expired.len()
    );
    app.finish().await;
}
