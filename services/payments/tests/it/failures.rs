//! Unclear answers: 500s, which Stripe stores under their keys, and refused withdrawals.

use std::time::Duration;

use common::events::OrderState;
use common::{Event, Price, Subject};
use testkit::eventually_within;

use crate::shop::{Shop, pay};

/// Longer than some tries with their pauses.
const SOME_TRIES: Duration = Duration::from_secs(30);

async fn wait_for_payment(shop: &Shop) {
    eventually_within(SOME_TRIES, "the payment", async || {
        (shop.count(Subject::PaymentCreated).await == 1).then_some(())
    })
    .await;
}

/// Waits for the outcomes and advances the clock, so that the sweep runs.
async fn wait_for_outcomes(shop: &Shop, order: &OrderState, expected: &[&str]) {
    eventually_within(SOME_TRIES, "the outcomes", async || {
        shop.app.clock().advance(Duration::from_secs(5));
        (shop.outcomes(order).await == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_unclear_payment_below_stripe_s_minimum_is_withdrawn() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let mut order = shop.order_of(&buyer);
    order.price = Price::from_cents(30).unwrap();
    shop.publish(Event::OrderCreated(order.clone())).await;
    shop.make_unavailable(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.app.clock().advance(Duration::from_mins(15));
    wait_for_outcomes(&shop, &order, &["withdrawn"]).await;
    let stored = shop.stored(&order).await.unwrap();
    assert!(!stored.contains_key("due_at"), "{stored}");
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn after_a_stored_500_without_a_charge_another_key_is_used() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.store_500(1);
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    wait_for_payment(&shop).await;
    assert_eq!(shop.outcomes(&order).await, ["withdrawn", "succeeded"]);
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    shop.close().await;
}

#[tokio::test]
async fn a_charge_hidden_by_a_stored_500_is_found_by_its_payment_intent() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.store_500_after_success();
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    wait_for_payment(&shop).await;
    assert_eq!(shop.outcomes(&order).await, ["succeeded"]);
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    shop.close().await;
}

#[tokio::test]
async fn a_decline_hidden_by_a_stored_500_is_found() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    shop.store_500_after_success();
    assert_eq!(pay(&buyer, &order, "tok_chargeDeclined").await.status, 503);
    eventually_within(SOME_TRIES, "the decline", async || {
        (shop.outcomes(&order).await.last()? == "declined").then_some(())
    })
    .await;
    assert!(shop.books().charged.is_empty());
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.close().await;
}

#[tokio::test]
async fn an_attempt_with_a_stored_500_is_withdrawn_when_its_order_expires() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    shop.store_500(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.app.clock().advance(Duration::from_mins(15));
    wait_for_outcomes(&shop, &order, &["withdrawn"]).await;
    assert!(shop.books().charged.is_empty());
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.message(), "Cannot pay for a cancelled order");
    shop.close().await;
}

#[tokio::test]
async fn a_withdrawal_with_a_stored_500_succeeds() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    shop.make_unavailable(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.store_500_after_success();
    shop.app.clock().advance(Duration::from_mins(15));
    wait_for_outcomes(&shop, &order, &["withdrawn"]).await;
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_failed_withdrawal_is_retried_and_nothing_is_charged_after_the_expiry() {
    let (shop, buyer, order) = Shop::open_with_manual_clock().await.with_order().await;
    shop.make_unavailable(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.make_unavailable(1);
    shop.app.clock().advance(Duration::from_mins(15));
    wait_for_outcomes(&shop, &order, &["withdrawn"]).await;
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_refund_with_a_stored_500_is_repeated_with_another_key() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.store_500(1);
    shop.cancel(&order).await;
    shop.expect_event(Subject::PaymentRefunded, &order).await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_took_effect_despite_a_500_is_not_repeated() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.store_500_after_success();
    shop.cancel(&order).await;
    let published = shop.expect_event(Subject::PaymentRefunded, &order).await;
    let refunds = shop.get_from_stripe("/v1/refunds").await;
    let refunds = refunds["data"].as_array().unwrap();
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0]["id"].as_str(), published.refund_id.as_deref());
    shop.close().await;
}
