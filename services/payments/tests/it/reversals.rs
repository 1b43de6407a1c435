//! Refunds and disputes made at Stripe: the payment follows, whatever happens to the webhooks.

use common::Subject;
use common::events::OrderState;
use serde_json::Value;
use stripe_stand_in::{Fault, FaultKind};
use testkit::{Api, eventually};

use crate::shop::{Shop, pay};
use crate::webhook::send_event;

/// A shop that receives Stripe's webhooks, and a paid order.
fn shop_with_paid_order() -> impl Future<Output = (Shop, OrderState, Api)> {
    // Boxed because the future is large.
    Box::pin(async {
        let shop = Shop::open().await;
        shop.enable_webhooks();
        let buyer = shop.app.user();
        let order = shop.order(&buyer).await;
        assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
        shop.expect_event(Subject::PaymentCreated, &order).await;
        (shop, order, buyer)
    })
}

#[tokio::test]
async fn a_refund_in_the_dashboard_ends_the_payment() {
    let (shop, order, buyer) = shop_with_paid_order().await;
    shop.stripe.inject(
        Fault::once(FaultKind::WebhookDuplicate)
            .times(2)
            .on("charge."),
    );
    let refund = shop.refund_by_hand(&order, None).await;
    let published = shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(published.refund_id, Some(refund));
    shop.wait_for_webhooks().await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.wait_for_returned(&order, 2_000).await;
    let again = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(again.message(), "Cannot pay for a cancelled order");
    // The order follows, and nothing is left to refund.
    shop.cancel(&order).await;
    shop.wait_until_idle().await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.close().await;
}

#[tokio::test]
async fn a_partial_refund_is_recorded_and_does_not_end_the_payment() {
    let (shop, order, buyer) = shop_with_paid_order().await;
    shop.refund_by_hand(&order, Some(500)).await;
    shop.wait_for_returned(&order, 500).await;
    shop.wait_for_webhooks().await;
    shop.wait_for_status(&order, "succeeded").await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 0);
    let again = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(again.message(), "Order is already paid");
    let rest = shop.refund_by_hand(&order, None).await;
    let published = shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(published.refund_id, Some(rest));
    shop.close().await;
}

#[tokio::test]
async fn the_rest_is_refunded_when_the_order_of_a_partly_refunded_payment_is_cancelled() {
    let (shop, order, _) = shop_with_paid_order().await;
    shop.refund_by_hand(&order, Some(500)).await;
    shop.wait_for_returned(&order, 500).await;
    shop.cancel(&order).await;
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.wait_for_webhooks().await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn webhooks_in_any_order_lead_to_the_state_at_stripe() {
    let (shop, order, _) = shop_with_paid_order().await;
    shop.stripe
        .inject(Fault::once(FaultKind::WebhookReorder).times(3));
    shop.refund_by_hand(&order, Some(500)).await;
    shop.refund_by_hand(&order, Some(700)).await;
    shop.wait_for_webhooks().await;
    shop.wait_for_returned(&order, 1_200).await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_webhook_about_our_own_refund_does_not_count_it_again() {
    let (shop, order, _) = shop_with_paid_order().await;
    shop.cancel(&order).await;
    let published = shop.expect_event(Subject::PaymentRefunded, &order).await;
    shop.wait_for_webhooks().await;
    shop.wait_until_idle().await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    let stored = shop.stored(&order).await.unwrap();
    assert_eq!(
        u64::try_from(stored.get_i64("version").unwrap()).unwrap(),
        published.version
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
async fn a_won_dispute_is_recorded_and_changes_nothing_else() {
    let (shop, order, _) = shop_with_paid_order().await;
    let intent = shop.intent_id(&order).await;
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
async fn a_lost_dispute_ends_the_payment_like_a_refund() {
    let (shop, order, _) = shop_with_paid_order().await;
    let intent = shop.intent_id(&order).await;
    let dispute = shop.stripe.open_dispute(&intent).unwrap();
    wait_for_dispute(&shop, &order, "open").await;
    assert!(shop.stripe.close_dispute(&dispute, false));
    let published = shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(published.refund_id, Some(dispute));
    shop.wait_for_webhooks().await;
    // The order is cancelled now, and nothing is left to refund.
    shop.cancel(&order).await;
    shop.wait_until_idle().await;
    assert_eq!(shop.books().refunded, 0);
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_a_dispute_delayed_is_made_when_the_dispute_is_won() {
    let (shop, order, _) = shop_with_paid_order().await;
    let intent = shop.intent_id(&order).await;
    let dispute = shop.stripe.open_dispute(&intent).unwrap();
    shop.cancel(&order).await;
    wait_for_dispute(&shop, &order, "open").await;
    wait_for_tries(&shop, &order, 1).await;
    assert!(shop.stripe.close_dispute(&dispute, true));
    // Stripe stored the refusal under the first key, so the refund needs another one.
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    shop.wait_for_webhooks().await;
    shop.wait_until_idle().await;
    assert_eq!(shop.books().refunded, 2_000);
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_first_met_a_500_and_then_a_dispute_is_made_when_the_dispute_is_won() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    let dispute = shop
        .stripe
        .open_dispute(&shop.intent_id(&order).await)
        .unwrap();
    shop.store_500(1);
    shop.cancel(&order).await;
    // The first key repeats the 500, the second one the refusal.
    wait_for_tries(&shop, &order, 2).await;
    assert!(shop.stripe.close_dispute(&dispute, true));
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    shop.wait_until_idle().await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.close().await;
}

#[tokio::test]
async fn a_lost_dispute_ends_a_refund_that_it_delayed_also_without_its_webhook() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    let dispute = shop
        .stripe
        .open_dispute(&shop.intent_id(&order).await)
        .unwrap();
    shop.cancel(&order).await;
    wait_for_tries(&shop, &order, 1).await;
    assert!(shop.stripe.close_dispute(&dispute, false));
    let published = shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(published.refund_id, Some(dispute));
    shop.wait_until_idle().await;
    assert_eq!(shop.books().refunded, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_whose_webhook_arrives_before_the_charge_settles_both() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    shop.lose_answers(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    let intent = shop.intent_of(&order).await;
    shop.refund_by_hand(&order, None).await;
    let charge = intent["latest_charge"].as_str().unwrap();
    let charge = shop.get_from_stripe(&format!("/v1/charges/{charge}")).await;
    send_event(&shop, "charge.refunded", &charge).await;
    let created = shop.expect_event(Subject::PaymentCreated, &order).await;
    let refunded = shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert!(refunded.version > created.version);
    // Late and repeated webhooks change nothing.
    send_event(&shop, "payment_intent.succeeded", &intent).await;
    send_event(&shop, "charge.refunded", &charge).await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_webhook_is_repeated_while_stripe_is_unavailable() {
    let (shop, order, _) = shop_with_paid_order().await;
    let intent = shop.intent_id(&order).await;
    shop.stripe.inject(
        Fault::once(FaultKind::Unavailable)
            .times(4)
            .on("/v1/payment_intents/"),
    );
    shop.stripe.refund(&intent, None).unwrap();
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    shop.close().await;
}

#[tokio::test]
async fn refunds_and_disputes_of_other_programs_are_accepted_and_ignored() {
    let (shop, order, _) = shop_with_paid_order().await;
    let intent = shop.intent_of(&order).await;
    let charge = intent["latest_charge"].as_str().unwrap();
    let mut charge = shop.get_from_stripe(&format!("/v1/charges/{charge}")).await;
    charge["payment_intent"] = Value::Null;
    send_event(&shop, "charge.refunded", &charge).await;
    charge["payment_intent"] = "pi_of_another_account".into();
    send_event(&shop, "charge.refunded", &charge).await;
    send_event(&shop, "charge.dispute.created", &charge).await;
    shop.wait_for_status(&order, "succeeded").await;
    assert_eq!(shop.count(Subject::PaymentRefunded).await, 0);
    shop.close().await;
}

/// Waits until the dispute about the order's payment has this state.
/// Waits until this many tries have settled nothing.
async fn wait_for_tries(shop: &Shop, order: &OrderState, number: i64) {
    eventually(&format!("{number} tries"), async || {
        let tries = shop.stored(order).await?.get_i64("tries").ok()?;
        (tries >= number).then_some(())
    })
    .await;
}

async fn wait_for_dispute(shop: &Shop, order: &OrderState, state: &str) {
    testkit::eventually(&format!("a dispute that is {state}"), async || {
        let stored = shop.stored(order).await?;
        let dispute = stored.get_document("dispute").ok()?;
        (dispute.get_str("is").ok() == Some(state)).then_some(())
    })
    .await;
}
