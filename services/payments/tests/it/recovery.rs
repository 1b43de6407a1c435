//! Payments whose process died, and payments that Stripe gave no clear answer to.

use std::time::Duration;

use bson::{DateTime, doc};
use common::events::OrderState;
use common::{Event, Subject};
use mongo::object_id;
use testkit::eventually_within;

use crate::shop::{Shop, pay};

/// Longer than the lease of a process that died.
const TAKEN_OVER: Duration = Duration::from_secs(30);

/// Writes what a process that died before it asked Stripe, or just after, leaves behind.
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
async fn a_payment_whose_process_died_is_driven_on() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    leave_pending(&shop, &order).await;
    shop.told(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    let again = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(again.message(), "Order is already paid");
    shop.close().await;
}

#[tokio::test]
async fn a_payment_begun_before_its_order_expired_is_not_charged_after() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let mut order = shop.order_of(&buyer);
    order.expires_at = shop.app.clock().now();
    shop.tell(Event::OrderCreated(order.clone())).await;
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
async fn an_answer_lost_after_the_charge_is_found_out() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.lose_answers(1);
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"));
    shop.told(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    shop.close().await;
}

#[tokio::test]
async fn whoever_asks_again_after_a_lost_answer_is_told_how_it_ended() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.lose_answers(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    let again = pay(&buyer, &order, "tok_visa").await;
    let told = shop.told(Subject::PaymentCreated, &order).await;
    // Whether it was still pending when they asked is a matter of milliseconds.
    if again.status == 201 {
        assert_eq!(again.id(), told.id.to_string());
    } else {
        assert_eq!(again.message(), "Order is already paid");
    }
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_until_the_order_is_cancelled_is_given_back() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.lose_answers(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.app.clock().advance(Duration::from_mins(15));
    // The order is over by the clock, but only the orders service can say how it ended.
    shop.told(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.books().refunded, 0);
    shop.cancel(&order).await;
    shop.told(Subject::PaymentRefunded, &order).await;
    let books = shop.books();
    assert_eq!((books.charged.len(), books.refunded), (1, 2_000));
    shop.close().await;
}

#[tokio::test]
async fn a_failure_of_stripes_is_tried_again() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.make_unavailable(2);
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    shop.told(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_process_told_to_stop_finishes_its_payment_or_leaves_it_to_the_next() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.make_slow(Duration::from_secs(6));
    let paying = tokio::spawn({
        let (buyer, order) = (buyer.clone(), order.clone());
        async move { pay(&buyer, &order, "tok_visa").await }
    });
    shop.wait_until_stripe_is_asked().await;
    let shop = shop.restart().await;
    let answer = paying.await.unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    eventually_within(TAKEN_OVER, "the payment is driven on", async || {
        (shop.count(Subject::PaymentCreated).await == 1).then_some(())
    })
    .await;
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_process_that_dies_while_stripe_is_at_work_leaves_the_payment_to_the_next() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
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
    shop.wait_until_stripe_is_asked().await;
    let shop = shop.crash_and_restart().await;
    shop.app.clock().advance(Duration::from_secs(11));
    eventually_within(TAKEN_OVER, "the payment is driven on", async || {
        (shop.count(Subject::PaymentCreated).await == 1).then_some(())
    })
    .await;
    paying.abort();
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn every_payment_is_told_of_again_on_demand() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let (kept, given_back) = (shop.order(&buyer).await, shop.order(&buyer).await);
    for order in [&kept, &given_back] {
        assert_eq!(pay(&buyer, order, "tok_visa").await.status, 201);
        shop.told(Subject::PaymentCreated, order).await;
    }
    shop.cancel(&given_back).await;
    shop.told(Subject::PaymentRefunded, &given_back).await;
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
