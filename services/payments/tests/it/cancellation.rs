//! Cancelled and expired orders: nothing is charged, or the charge is refunded in full.

use std::time::Duration;

use common::events::OrderState;
use common::{Event, OrderStatus, Subject};
use futures::future::join_all;

use crate::shop::{Shop, cancellation_of, pay};

#[tokio::test]
async fn a_cancelled_order_is_not_charged() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.cancel(&order).await;
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.message(), "Cannot pay for a cancelled order");
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn nothing_is_charged_from_the_moment_at_which_an_order_expires() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let (late, in_time) = (shop.order(&buyer).await, shop.order(&buyer).await);
    shop.app
        .clock()
        .advance(Duration::from_mins(15) - Duration::from_millis(1));
    assert_eq!(pay(&buyer, &in_time, "tok_visa").await.status, 201);
    shop.app.clock().advance(Duration::from_millis(1));
    let answer = pay(&buyer, &late, "tok_visa").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.message(), "Cannot pay for a cancelled order");
    // An order that was paid in time stays paid.
    let again = pay(&buyer, &in_time, "tok_visa").await;
    assert_eq!(again.message(), "Order is already paid");
    assert_eq!(shop.books().charged, [(in_time.id.to_string(), 2_000)]);
    shop.close().await;
}

#[tokio::test]
async fn a_complete_order_is_already_paid() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = OrderState {
        status: OrderStatus::Complete,
        version: 3,
        ..shop.order_of(&buyer)
    };
    shop.publish(Event::OrderCreated(order.clone())).await;
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(
        (answer.status, answer.message()),
        (400, "Order is already paid")
    );
    shop.close().await;
}

#[tokio::test]
async fn a_payment_is_refunded_when_its_order_is_cancelled() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    let paid = shop.expect_event(Subject::PaymentCreated, &order).await;
    shop.cancel(&order).await;
    let refunded = shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(
        (refunded.id, &refunded.charge_id),
        (paid.id, &paid.charge_id)
    );
    assert!(refunded.version > paid.version);
    assert!(refunded.refund_id.is_some());
    let books = shop.books();
    assert_eq!((books.charged.len(), books.refunded), (1, 2_000));
    let again = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(again.message(), "Cannot pay for a cancelled order");
    shop.close().await;
}

#[tokio::test]
async fn an_order_cancelled_during_the_charge_is_refunded_in_full() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.make_slow(Duration::from_secs(2));
    let (answer, ()) = tokio::join!(pay(&buyer, &order, "tok_visa"), async {
        shop.wait_for_stripe_call().await;
        shop.cancel(&order).await;
    });
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.message(), "Cannot pay for a cancelled order");
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    let books = shop.books();
    assert_eq!((books.charged.len(), books.refunded), (1, 2_000));
    shop.close().await;
}

#[tokio::test]
async fn a_failed_refund_is_retried() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.store_500(2);
    shop.cancel(&order).await;
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.lose_answers(1);
    shop.cancel(&order).await;
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(shop.books().refunded, 2_000);
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_payment_that_was_refunded_by_hand_is_not_refunded_again() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    let refund = shop.refund_by_hand(&order, None).await;
    shop.cancel(&order).await;
    let published = shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(published.refund_id, Some(refund));
    assert_eq!(shop.books().refunded, 2_000);
    shop.close().await;
}

#[tokio::test]
async fn duplicate_and_reordered_events_lead_to_the_same_state() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    let (created, cancelled) = (Event::OrderCreated(order.clone()), cancellation_of(&order));
    let events = [
        &cancelled, &created, &cancelled, &created, &cancelled, &created,
    ];
    join_all(events.map(|event| shop.app.deliver_again(event.clone()))).await;
    shop.wait_for_status(&order, "refunded").await;
    shop.wait_until_idle().await;
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.message(), "Cannot pay for a cancelled order");
    assert_eq!(shop.books().refunded, 2_000);
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn an_order_whose_cancellation_arrives_first_cannot_be_paid() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order_of(&buyer);
    shop.cancel(&order).await;
    shop.app.publish(Event::OrderCreated(order.clone())).await;
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.message(), "Cannot pay for a cancelled order");
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}
