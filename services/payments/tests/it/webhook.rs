//! Stripe's webhooks: accepted if Stripe signed them recently, however often they arrive.

use std::time::Duration;

use common::Subject;
use common::events::OrderState;
use serde_json::{Value, json};
use stripe_webhook::Webhook;
use testkit::{Answer, eventually};

use crate::shop::{Shop, WEBHOOK_SECRET, pay};

const PATH: &str = "/api/payments/webhook";

fn event(kind: &str, object: &Value) -> String {
    json!({
        "id": "evt_of_the_tests",
        "object": "event",
        "api_version": "2026-09-30.endive",
        "created": 1_700_000_000,
        "data": { "object": object },
        "livemode": false,
        "pending_webhooks": 1,
        "request": null,
        "type": kind,
    })
    .to_string()
}

/// Sends an event that Stripe has just signed.
pub(crate) async fn send_event(shop: &Shop, kind: &str, object: &Value) {
    let body = event(kind, object);
    let signature = signature(shop, &body, WEBHOOK_SECRET, Duration::ZERO);
    let answer = send(shop, &body, Some(&signature)).await;
    assert_eq!((answer.status, answer.json), (200, json!({})), "{kind}");
}

async fn send(shop: &Shop, body: &str, signature: Option<&str>) -> Answer {
    let anonymous = shop.app.anonymous();
    let mut request = anonymous
        .request(reqwest::Method::POST, PATH)
        .body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("stripe-signature", signature);
    }
    anonymous.send(request).await
}

fn signature(shop: &Shop, body: &str, secret: &str, age: Duration) -> String {
    let signed_at = shop.app.clock().now().minus(age).milliseconds() / 1_000;
    Webhook::generate_test_header(body, secret, Some(signed_at))
}

/// Makes an attempt that charges the card while its answer is lost. Returns the payment intent.
async fn charge_with_lost_answer(shop: &Shop, order: &OrderState, buyer: &testkit::Api) -> Value {
    shop.lose_answers(1);
    assert_eq!(pay(buyer, order, "tok_visa").await.status, 503);
    shop.intent_of(order).await
}

#[tokio::test]
async fn a_webhook_completes_a_pending_payment_and_may_be_repeated() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    let intent = charge_with_lost_answer(&shop, &order, &buyer).await;
    for _ in 0..5 {
        send_event(&shop, "payment_intent.succeeded", &intent).await;
    }
    shop.expect_event(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.count(Subject::PaymentCreated).await, 1);
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_webhook_after_the_cancellation_leads_to_the_refund() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    let intent = charge_with_lost_answer(&shop, &order, &buyer).await;
    shop.cancel(&order).await;
    for _ in 0..2 {
        send_event(&shop, "payment_intent.succeeded", &intent).await;
    }
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.close().await;
}

#[tokio::test]
async fn a_forged_or_old_webhook_is_refused() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    let intent = charge_with_lost_answer(&shop, &order, &buyer).await;
    let body = event("payment_intent.succeeded", &intent);
    let forged = signature(&shop, &body, "whsec_of_somebody_else", Duration::ZERO);
    let old = signature(&shop, &body, WEBHOOK_SECRET, Duration::from_secs(301));
    let of_another = signature(&shop, "{}", WEBHOOK_SECRET, Duration::ZERO);
    let refused = [
        None,
        Some(""),
        Some("t=,v1="),
        Some(&forged),
        Some(&old),
        Some(&of_another),
    ];
    for signature in refused {
        let answer = send(&shop, &body, signature).await;
        assert_eq!(answer.status, 400, "{signature:?}");
        assert!(
            answer.message().starts_with("Webhook signature"),
            "{answer:?}"
        );
    }
    assert_eq!(shop.count(Subject::PaymentCreated).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn unused_kinds_of_events_are_accepted_and_ignored() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    let mut foreign = shop.intent_of(&order).await;
    foreign["metadata"] = json!({ "order_id": "of another program" });
    send_event(&shop, "payment_intent.succeeded", &foreign).await;
    send_event(&shop, "payment_intent.created", &foreign).await;
    send_event(&shop, "a.future.kind", &json!({ "object": "new" })).await;
    let unreadable = "{}";
    let signature = signature(&shop, unreadable, WEBHOOK_SECRET, Duration::ZERO);
    assert_eq!(send(&shop, unreadable, Some(&signature)).await.status, 400);
    shop.close().await;
}

#[tokio::test]
async fn webhooks_sent_by_stripe_are_understood() {
    let shop = Shop::open_with_manual_clock().await;
    shop.enable_webhooks();
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.lose_answers(1);
    // The webhook may arrive before the service notices that the answer is lost.
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert!([201, 503].contains(&answer.status), "{answer:?}");
    eventually("the webhook completes the payment", async || {
        (shop.count(Subject::PaymentCreated).await == 1).then_some(())
    })
    .await;
    assert_eq!(shop.books().charged.len(), 1);
    shop.close().await;
}
