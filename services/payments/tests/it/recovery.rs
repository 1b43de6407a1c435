//! Payments whose process died, and payments without a clear answer from Stripe.

use std::time::Duration;

use bson::{DateTime, doc};
use common::events::OrderState;
use common::{Event, Subject};
use mongo::object_id;
use testkit::eventually_within;

use crate::shop::{Shop, pay};

/// Longer than the lease of a process that died.
const TAKEOVER: Duration = Duration::from_secs(30);

/// Writes the payment of a process that died just before or after it called Stripe.
async fn leave_pending(shop: &Shop, order: &OrderState) {
    let pending = doc! {
        "_id": object_id(order.id),
        "payment_id": bson::oid::ObjectId::new(),
        "price_cents": order.price.cents(),
        "attempts": [{ "number": 1_i64, "outcome": { "is": "pending", "token": "tok_visa" } }],
        "status": { "is": "open" },
        "version": 0_i64,
        "due_at": DateTime::now(),
        "outbox": [],
    };
    let payments = shop.app.database().collection("payments");
    payments.insert_one(pending).await.unwrap();
}

#[tokio::test]
async fn a_payment_whose_process_died_is_resumed() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    leave_pending(&shop, &order).await;
    shop.expect_event(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    let again = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(again.message(), "Order is already paid");
    shop.close().await;
}

#[tokio::test]
async fn a_payment_begun_before_the_expiry_is_not_charged_afterwards() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let mut order = shop.order_of(&buyer);
    order.expires_at = shop.app.clock().now();
    shop.publish(Event::OrderCreated(order.clone())).await;
    leave_pending(&shop, &order).await;
    shop.wait_for_outcome(&order, "withdrawn").await;
    assert!(shop.books().charged.is_empty());
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.message(), "Cannot pay for a cancelled order");
    shop.cancel(&order).await;
    assert_eq!(shop.books().refunded, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_found() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.lose_answers(1);
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"));
    shop.expect_event(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    shop.close().await;
}

#[tokio::test]
async fn repeating_a_request_after_a_lost_answer_returns_the_result() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.lose_answers(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    let again = pay(&buyer, &order, "tok_visa").await;
    let published = shop.expect_event(Subject::PaymentCreated, &order).await;
    // Milliseconds decide whether the attempt was still pending.
    if again.status == 201 {
        assert_eq!(again.id(), published.id.to_string());
    } else {
        assert_eq!(again.message(), "Order is already paid");
    }
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_until_the_cancellation_is_refunded() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    shop.lose_answers(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.app.clock().advance(Duration::from_mins(15));
    // The order has expired by the clock, but only the orders service decides how it ended.
    shop.expect_event(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.books().refunded, 0);
    shop.cancel(&order).await;
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    let books = shop.books();
    assert_eq!((books.charged.len(), books.refunded), (1, 2_000));
    shop.close().await;
}

#[tokio::test]
async fn a_failed_charge_is_retried() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.make_unavailable(2);
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    shop.expect_event(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_stopping_process_finishes_its_payment_or_leaves_it_to_the_next() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.make_slow(Duration::from_secs(6));
    let paying = tokio::spawn({
        let (buyer, order) = (buyer.clone(), order.clone());
        async move { pay(&buyer, &order, "tok_visa").await }
    });
    shop.wait_for_stripe_call().await;
    let shop = shop.restart().await;
    let answer = paying.await.unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    eventually_within(TAKEOVER, "the payment is resumed", async || {
        (shop.count(Subject::PaymentCreated).await == 1).then_some(())
    })
    .await;
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn the_next_process_resumes_the_payment_of_one_that_died_during_the_charge() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    shop.make_slow(Duration::from_secs(2));
    let paying = tokio::spawn({
        let (buyer, order) = (buyer.clone(), order.clone());
        async move {
            let body = serde_json::json!({ "token": "tok_visa", "orderId": order.id });
            let request = buyer
                .request(reqwest::Method::POST, "/api/payments")
                .json(&body);
            let _ = buyer.try_send(request).await;
        }
    });
    shop.wait_for_stripe_call().await;
    let shop = shop.crash_and_restart().await;
    shop.app.clock().advance(Duration::from_secs(11));
    eventually_within(TAKEOVER, "the payment is resumed", async || {
        (shop.count(Subject::PaymentCreated).await == 1).then_some(())
    })
    .await;
    paying.abort();
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_resync_publishes_every_payment_again() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let (paid, refunded) = (shop.order(&buyer).await, shop.order(&buyer).await);
    for order in [&paid, &refunded] {
        assert_eq!(pay(&buyer, order, "tok_visa").await.status, 201);
        shop.expect_event(Subject::PaymentCreated, order).await;
    }
    shop.cancel(&refunded).await;
    shop.expect_event(Subject::PaymentRefunded, &refunded).await;
    let declined = shop.order(&buyer).await;
    assert_eq!(
        pay(&buyer, &declined, "tok_chargeDeclined").await.status,
        400
    );
    let answer = shop
        .app
        .admin()
        .post("/resync", serde_json::json!({}))
        .await;
    assert_eq!(answer.json["events"], 2, "{answer:?}");
    assert_eq!(shop.count(Subject::PaymentCreated).await, 3);
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 2);
    shop.close().await;
}
