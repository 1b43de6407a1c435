//! The contract of `/api/payments`, endpoint by endpoint.

use std::time::Instant;

use common::{Event, Subject};
use mongo::new_id;
use serde_json::json;
use web::replica_waits::REPLICA_WAIT;

use crate::shop::{Shop, pay};

#[tokio::test]
async fn paying_an_order_charges_once_and_publishes_one_event() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json, json!({ "id": answer.id() }));
    let published = shop.expect_event(Subject::PaymentCreated, &order).await;
    assert_eq!(published.id.to_string(), answer.id());
    assert_eq!((published.price, published.refund_id), (order.price, None));
    let books = shop.books();
    assert_eq!(books.charged, [(order.id.to_string(), 2_000)]);
    assert_eq!(books.charge_ids, [published.charge_id]);
    assert_eq!(books.refunded, 0);
    shop.close().await;
}

#[tokio::test]
async fn paying_again_is_refused() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    for token in ["tok_visa", "tok_mastercard"] {
        let again = pay(&buyer, &order, token).await;
        assert_eq!(again.status, 400);
        assert_eq!(again.message(), "Order is already paid");
    }
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn the_card_token_is_deleted_after_the_charge() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    let stored = shop.stored(&order).await.unwrap().to_string();
    assert!(!stored.contains("tok_visa"), "{stored}");
    shop.close().await;
}

#[tokio::test]
async fn errors_are_reported_in_the_order_of_the_contract() {
    let shop = Shop::open().await;
    let (buyer, anonymous) = (shop.app.user(), shop.app.anonymous());
    let order = shop.order(&buyer).await;

    let not_json = anonymous.post_raw("/api/payments", "{").await;
    assert_eq!(not_json.status, 400);
    assert_eq!(not_json.message(), "Request body must be a JSON object");

    let signed_out = anonymous.post("/api/payments", json!({})).await;
    assert_eq!(signed_out.status, 401);
    assert_eq!(signed_out.message(), "Not authorized");

    let empty = buyer.post("/api/payments", json!({})).await;
    assert_eq!(empty.status, 400);
    let expected = json!([
        { "message": "Token must be provided", "field": "token" },
        { "message": "OrderId must be provided", "field": "orderId" },
    ]);
    assert_eq!(empty.json["errors"], expected);

    let another = shop.app.user();
    let foreign = pay(&another, &order, "tok_visa").await;
    assert_eq!(foreign.status, 401);
    shop.cancel(&order).await;
    // The owner is checked before the state.
    assert_eq!(pay(&another, &order, "tok_visa").await.status, 401);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 400);
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn an_unknown_order_is_not_found_after_a_short_wait() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let asked = Instant::now();
    let unknown = json!({ "token": "tok_visa", "orderId": new_id::<common::id::kind::Order>() });
    let answer = buyer.post("/api/payments", unknown).await;
    assert_eq!(answer.status, 404);
    assert!(asked.elapsed() >= REPLICA_WAIT);
    // Something that is not an id cannot be an order whose event is late.
    let malformed = json!({ "token": "tok_visa", "orderId": "none" });
    assert_eq!(buyer.post("/api/payments", malformed).await.status, 404);
    shop.close().await;
}

#[tokio::test]
async fn many_payments_of_unknown_orders_do_not_delay_others() {
    /// More requests than the service handles at once and than may wait for that.
    const MANY: usize = 160;
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(shop.order(&buyer).await);
    }
    let other = shop.app.user();
    let unknown = (0..MANY).map(|_| {
        let unknown = new_id::<common::id::kind::Order>();
        other.post(
            "/api/payments",
            json!({ "token": "tok_visa", "orderId": unknown }),
        )
    });
    let others = async {
        // Let the other buyer's requests arrive first.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        for order in &orders {
            let paid = pay(&buyer, order, "tok_visa").await;
            assert_eq!(paid.status, 201, "{paid:?}");
        }
    };
    let (answers, ()) = tokio::join!(futures::future::join_all(unknown), others);
    for answer in &answers {
        assert!([404, 503].contains(&answer.status), "{answer:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_payment_waits_for_the_replica_of_its_order() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order_of(&buyer);
    let (answer, ()) = tokio::join!(
        pay(&buyer, &order, "tok_visa"),
        shop.publish(Event::OrderCreated(order.clone()))
    );
    assert_eq!(answer.status, 201, "{answer:?}");
    shop.close().await;
}

#[tokio::test]
async fn the_health_check_and_the_description_are_served() {
    let shop = Shop::open().await;
    let anonymous = shop.app.anonymous();
    let health = anonymous.get_in_every_spelling("/api/payments").await;
    assert_eq!((health.status, health.json), (200, json!({})));
    let description = anonymous
        .get_in_every_spelling("/api/payments/openapi.json")
        .await;
    assert_eq!(description.status, 200);
    for path in ["/api/payments", "/api/payments/webhook"] {
        assert!(
            description.json["paths"][path]["post"].is_object(),
            "{path}"
        );
    }
    shop.close().await;
}

#[tokio::test]
async fn repeating_a_request_with_its_key_returns_the_same_payment() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    let body = json!({ "token": "tok_visa", "orderId": order.id });
    let pay_once = async |key| buyer.post_once("/api/payments", key, body.clone()).await;
    let first = pay_once("key").await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(pay_once("key").await.text, first.text);
    // As if the process had died before it stored the result.
    shop.app.forget_results().await;
    let again = pay_once("key").await;
    assert_eq!((again.status, &again.json), (201, &first.json));
    let other = pay_once("other").await;
    assert_eq!(
        (other.status, other.message()),
        (400, "Order is already paid")
    );
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_declined_card_stays_declined_under_its_key_and_another_key_tries_again() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    let body = json!({ "token": "tok_chargeDeclined", "orderId": order.id });
    let declined = buyer.post_once("/api/payments", "key", body.clone()).await;
    assert_eq!(declined.status, 400, "{declined:?}");
    assert_eq!(
        buyer.post_once("/api/payments", "key", body).await.text,
        declined.text
    );
    let body = json!({ "token": "tok_visa", "orderId": order.id });
    assert_eq!(
        buyer.post_once("/api/payments", "other", body).await.status,
        201
    );
    shop.close().await;
}
