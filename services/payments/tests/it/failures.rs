//! Answers that say nothing: 500s, which Stripe stores under their keys, and refusals of withdrawals.

use std::time::Duration;

use common::events::OrderState;
use common::{Event, Price, Subject};
use testkit::eventually_within;

use crate::shop::{Shop, pay};

/// Longer than a few tries with their pauses.
const A_FEW_TRIES: Duration = Duration::from_secs(30);

async fn wait_for_the_payment(shop: &Shop) {
    eventually_within(A_FEW_TRIES, "the payment", async || {
        (shop.count(Subject::PaymentCreated).await == 1).then_some(())
    })
    .await;
}

/// Waits for the outcome while the clock goes on, so that the sweep does too.
async fn wait_for_outcomes(shop: &Shop, order: &OrderState, expected: &[&str]) {
    eventually_within(A_FEW_TRIES, "the outcome", async || {
        shop.app.clock().advance(Duration::from_secs(5));
        (shop.outcomes(order).await == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_payment_below_stripes_minimum_whose_answer_was_unclear_comes_to_an_end() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let mut order = shop.order_of(&buyer);
    order.price = Price::from_cents(30).unwrap();
    shop.tell(Event::OrderCreated(order.clone())).await;
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
async fn a_500_that_stripe_stored_without_charging_is_left_behind_for_another_key() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.fail(1);
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    wait_for_the_payment(&shop).await;
    assert_eq!(shop.outcomes(&order).await, ["withdrawn", "succeeded"]);
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    shop.close().await;
}

#[tokio::test]
async fn a_500_that_stripe_stored_for_a_charge_is_found_out_by_the_payment_intent() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.fail_after();
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    wait_for_the_payment(&shop).await;
    assert_eq!(shop.outcomes(&order).await, ["succeeded"]);
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    shop.close().await;
}

#[tokio::test]
async fn a_500_that_stripe_stored_for_a_decline_is_followed_by_the_decline() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.fail_after();
    assert_eq!(pay(&buyer, &order, "tok_chargeDeclined").await.status, 503);
    eventually_within(A_FEW_TRIES, "the decline", async || {
        (shop.outcomes(&order).await.last()? == "declined").then_some(())
    })
    .await;
    assert!(shop.books().charged.is_empty());
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.close().await;
}

#[tokio::test]
async fn an_attempt_for_which_stripe_stored_a_500_is_withdrawn_when_its_order_is_over() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.fail(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.app.clock().advance(Duration::from_mins(15));
    wait_for_outcomes(&shop, &order, &["withdrawn"]).await;
    assert!(shop.books().charged.is_empty());
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.message(), "Cannot pay for a cancelled order");
    shop.close().await;
}

#[tokio::test]
async fn a_withdrawal_for_which_stripe_stored_a_500_is_one_all_the_same() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.make_unavailable(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.fail_after();
    shop.app.clock().advance(Duration::from_mins(15));
    wait_for_outcomes(&shop, &order, &["withdrawn"]).await;
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn nothing_is_charged_after_the_order_s_time_when_a_withdrawal_does_not_get_through() {
    let shop = Shop::open_with_manual_clock().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    shop.make_unavailable(1);
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 503);
    shop.make_unavailable(1);
    shop.app.clock().advance(Duration::from_mins(15));
    wait_for_outcomes(&shop, &order, &["withdrawn"]).await;
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_refund_for_which_stripe_stored_a_500_is_made_under_another_key() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.fail(1);
    shop.cancel(&order).await;
    shop.told(Subject::PaymentRefunded, &order).await;
    assert_eq!(shop.books().refunded, 2_000);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_was_made_although_stripe_answered_500_is_not_made_again() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.fail_after();
    shop.cancel(&order).await;
    let told = shop.told(Subject::PaymentRefunded, &order).await;
    let refunds = shop.ask_stripe("/v1/refunds").await;
    let refunds = refunds["data"].as_array().unwrap();
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0]["id"].as_str(), told.refund_id.as_deref());
    shop.close().await;
}
