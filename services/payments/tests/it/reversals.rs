//! Refunds and disputes made at Stripe: the payment follows, whatever comes of the webhooks.

use std::time::Duration;

use common::Subject;
use common::events::OrderState;
use serde_json::Value;
use stripe_stand_in::{Fault, FaultKind};
use testkit::{Api, eventually};

use crate::shop::{Shop, WEBHOOK_SECRET, pay};
use crate::webhook::{event, send, signature};

/// A shop that hears of what happens at Stripe, and an order that is paid there.
fn shop_with_a_paid_order() -> impl Future<Output = (Shop, OrderState, Api)> {
    // Large.
    Box::pin(async {
        let shop = Shop::open().await;
        shop.send_webhooks_to_us();
        let buyer = shop.app.user();
        let order = shop.order(&buyer).await;
        assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
        shop.told(Subject::PaymentCreated, &order).await;
        (shop, order, buyer)
    })
}

/// Gives so many cents back in the dashboard, or all.
async fn refund(shop: &Shop, order: &OrderState, cents: Option<i64>) -> String {
    let intent = intent_id(shop, order).await;
    shop.stripe.refund(&intent, cents).unwrap()
}

async fn intent_id(shop: &Shop, order: &OrderState) -> String {
    let intent = shop.intent_of(order).await;
    intent["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refund_in_the_dashboard_ends_the_payment() {
    let (shop, order, buyer) = shop_with_a_paid_order().await;
    shop.stripe.inject(
        Fault::once(FaultKind::WebhookDuplicate)
            .times(2)
            .on("charge."),
    );
    let refund = refund(&shop, &order, None).await;
    let told = shop.told(Subject::PaymentRefunded, &order).await;
    assert_eq!(told.refund_id, Some(refund));
    shop.wait_for_webhooks().await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.wait_for_given_back(&order, 2_000).await;
    let again = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(again.message(), "Cannot pay for a cancelled order");
    // The order follows, which leaves nothing to give back.
    shop.cancel(&order).await;
    shop.wait_until_idle().await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.close().await;
}

#[tokio::test]
async fn a_part_that_is_refunded_is_recorded_and_leaves_the_payment_as_it_is() {
    let (shop, order, buyer) = shop_with_a_paid_order().await;
    refund(&shop, &order, Some(500)).await;
    shop.wait_for_given_back(&order, 500).await;
    shop.wait_for_webhooks().await;
    shop.wait_for_status(&order, "succeeded").await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 0);
    let again = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(again.message(), "Order is already paid");
    let rest = refund(&shop, &order, None).await;
    let told = shop.told(Subject::PaymentRefunded, &order).await;
    assert_eq!(told.refund_id, Some(rest));
    shop.close().await;
}

#[tokio::test]
async fn what_is_left_is_given_back_when_the_order_of_a_partly_refunded_payment_is_cancelled() {
    let (shop, order, _) = shop_with_a_paid_order().await;
    refund(&shop, &order, Some(500)).await;
    shop.wait_for_given_back(&order, 500).await;
    shop.cancel(&order).await;
    shop.told(Subject::PaymentRefunded, &order).await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.wait_for_webhooks().await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn refunds_that_are_told_in_any_order_leave_the_state_at_stripe() {
    let (shop, order, _) = shop_with_a_paid_order().await;
    shop.stripe
        .inject(Fault::once(FaultKind::WebhookReorder).times(3));
    refund(&shop, &order, Some(500)).await;
    refund(&shop, &order, Some(700)).await;
    shop.wait_for_webhooks().await;
    shop.wait_for_given_back(&order, 1_200).await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_of_our_own_that_is_told_by_webhook_too_counts_once() {
    let (shop, order, _) = shop_with_a_paid_order().await;
    shop.cancel(&order).await;
    let told = shop.told(Subject::PaymentRefunded, &order).await;
    shop.wait_for_webhooks().await;
    shop.wait_until_idle().await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    let stored = shop.stored(&order).await.unwrap();
    assert_eq!(
        u64::try_from(stored.get_i64("version").unwrap()).unwrap(),
        told.version
    );
    let scrape = shop.app.metrics().await;
    assert_eq!(scrape.count("ticketing_refunds_total", &[]), 1);
    assert_eq!(
        scrape.count("ticketing_payments_refunded_cents_total", &[]),
        2_000
    );
    shop.close().await;
}

#[tokio::test]
async fn a_dispute_that_is_won_is_recorded_and_changes_nothing_else() {
    let (shop, order, _) = shop_with_a_paid_order().await;
    let intent = intent_id(&shop, &order).await;
    let dispute = shop.stripe.open_dispute(&intent).unwrap();
    shop.wait_for_webhooks().await;
    wait_for_dispute(&shop, &order, "open").await;
    assert!(shop.stripe.close_dispute(&dispute, true));
    wait_for_dispute(&shop, &order, "won").await;
    shop.wait_for_webhooks().await;
    shop.wait_for_status(&order, "succeeded").await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 0);
    let scrape = shop.app.metrics().await;
    let disputes = "ticketing_disputes_total";
    assert_eq!(scrape.count(disputes, &[("state", "opened")]), 1);
    assert_eq!(scrape.count(disputes, &[("state", "won")]), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_dispute_that_is_lost_ends_the_payment_like_a_refund() {
    let (shop, order, _) = shop_with_a_paid_order().await;
    let intent = intent_id(&shop, &order).await;
    let dispute = shop.stripe.open_dispute(&intent).unwrap();
    wait_for_dispute(&shop, &order, "open").await;
    assert!(shop.stripe.close_dispute(&dispute, false));
    let told = shop.told(Subject::PaymentRefunded, &order).await;
    assert_eq!(told.refund_id, Some(dispute));
    shop.wait_for_webhooks().await;
    // Nothing is left to give back, though the order is cancelled now.
    shop.cancel(&order).await;
    shop.wait_until_idle().await;
    assert_eq!(shop.books().refunded, 0);
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_a_dispute_delayed_is_made_when_the_dispute_is_won() {
    let (shop, order, _) = shop_with_a_paid_order().await;
    let intent = intent_id(&shop, &order).await;
    let dispute = shop.stripe.open_dispute(&intent).unwrap();
    shop.cancel(&order).await;
    shop.wait_for_status(&order, "refund_due").await;
    wait_for_dispute(&shop, &order, "open").await;
    eventually("Stripe refused a refund", async || {
        let tries = shop.stored(&order).await?.get_i64("tries").ok()?;
        (tries > 0).then_some(())
    })
    .await;
    // Stripe repeats that under the same key.
    assert!(shop.stripe.close_dispute(&dispute, true));
    shop.told(Subject::PaymentRefunded, &order).await;
    shop.wait_for_webhooks().await;
    shop.wait_until_idle().await;
    assert_eq!(shop.books().refunded, 2_000);
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_is_told_before_its_charge_settles_both() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.lose_answers(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    let intent = shop.intent_of(&order).await;
    shop.refund_by_hand(&order).await;
    let charge = intent["latest_charge"].as_str().unwrap();
    let charge = shop.ask_stripe(&format!("/v1/charges/{charge}")).await;
    tell(&shop, "charge.refunded", &charge).await;
    let created = shop.told(Subject::PaymentCreated, &order).await;
    let refunded = shop.told(Subject::PaymentRefunded, &order).await;
    assert!(refunded.version > created.version);
    // What is told late, and told again, is known.
    tell(&shop, "payment_intent.succeeded", &intent).await;
    tell(&shop, "charge.refunded", &charge).await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_webhook_of_a_refund_is_sent_again_while_stripe_cannot_be_asked() {
    let (shop, order, _) = shop_with_a_paid_order().await;
    let intent = intent_id(&shop, &order).await;
    shop.stripe.inject(
        Fault::once(FaultKind::Unavailable)
            .times(4)
            .on("/v1/payment_intents/"),
    );
    shop.stripe.refund(&intent, None).unwrap();
    shop.told(Subject::PaymentRefunded, &order).await;
    shop.close().await;
}

#[tokio::test]
async fn what_is_refunded_or_disputed_of_others_is_taken_note_of() {
    let (shop, order, _) = shop_with_a_paid_order().await;
    let intent = shop.intent_of(&order).await;
    let charge = intent["latest_charge"].as_str().unwrap();
    let mut charge = shop.ask_stripe(&format!("/v1/charges/{charge}")).await;
    charge["payment_intent"] = Value::Null;
    tell(&shop, "charge.refunded", &charge).await;
    charge["payment_intent"] = "pi_of_another_account".into();
    tell(&shop, "charge.refunded", &charge).await;
    tell(&shop, "charge.dispute.created", &charge).await;
    shop.wait_for_status(&order, "succeeded").await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 0);
    shop.close().await;
}

async fn tell(shop: &Shop, kind: &str, object: &Value) {
    let body = event(kind, object);
    let signature = signature(shop, &body, WEBHOOK_SECRET, Duration::ZERO);
    let answer = send(shop, &body, Some(&signature)).await;
    assert_eq!(answer.status, 200, "{kind}: {answer:?}");
}

/// Waits until the dispute about the order's payment stands so.
async fn wait_for_dispute(shop: &Shop, order: &OrderState, standing: &str) {
    testkit::eventually(&format!("a dispute that is {standing}"), async || {
        let stored = shop.stored(order).await?;
        let dispute = stored.get_document("dispute").ok()?;
        (dispute.get_str("is").ok() == Some(standing)).then_some(())
    })
    .await;
}
