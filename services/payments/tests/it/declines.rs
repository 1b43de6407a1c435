//! Declined cards, and what the buyer reads about them.

use common::{Event, Price, Subject};
use serde_json::Value;
use testkit::Answer;

use crate::shop::{Shop, pay};

/// All test cards that Stripe declines.
const DECLINED: [&str; 13] = [
    "tok_chargeDeclined",
    "tok_chargeDeclinedInsufficientFunds",
    "tok_chargeDeclinedLostCard",
    "tok_chargeDeclinedStolenCard",
    "tok_chargeDeclinedExpiredCard",
    "tok_chargeDeclinedIncorrectCvc",
    "tok_chargeDeclinedProcessingError",
    "tok_chargeDeclinedFraudulent",
    "tok_chargeDeclinedVelocityLimitExceeded",
    "tok_chargeCustomerFail",
    "tok_threeDSecure2Required",
    "tok_authenticationRequired",
    "tok_authenticationRequiredOnSetup",
];

const GENERIC: &str = "Your bank declined this card. Nothing was charged; please use another card.";

#[tokio::test]
async fn a_declined_card_gets_our_own_message_and_another_card_pays() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    let declines = [
        ("tok_chargeDeclined", GENERIC),
        (
            "tok_chargeDeclinedInsufficientFunds",
            "There is not enough money available on this card. Please use another card.",
        ),
    ];
    for (token, message) in declines {
        let answer = pay(&buyer, &order, token).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.message(), message);
    }
    assert!(shop.books().charged.is_empty());
    let paid = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(paid.status, 201, "{paid:?}");
    assert_eq!(shop.outcomes(&order).await.len(), 3);
    assert_eq!(shop.books().charged.len(), 1);
    shop.expect_event(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.count(Subject::PaymentCreated).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn no_answer_contains_stripe_s_message_about_a_card() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    for token in DECLINED {
        let answer = pay(&buyer, &order, token).await;
        assert_eq!(answer.status, 400, "{token}: {answer:?}");
        let newest = shop.get_from_stripe("/v1/payment_intents?limit=1").await;
        let stripes = newest["data"][0]["last_payment_error"]["message"].as_str();
        let stripes = stripes.unwrap_or_else(|| panic!("{token}: {newest}"));
        assert!(!answer.text.contains(stripes), "{token}: {}", answer.text);
        expect_plain(token, &answer);
    }
    shop.close().await;
}

#[tokio::test]
async fn no_answer_contains_stripe_s_message_about_a_request() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    for token in ["tok_that_never_was", "pm_card_visa", "<script>"] {
        let answer = pay(&buyer, &order, token).await;
        assert_eq!(answer.status, 400, "{token}: {answer:?}");
        assert!(!answer.text.contains(token), "{answer:?}");
        expect_plain(token, &answer);
    }
    let mut cheap = shop.order_of(&buyer);
    cheap.price = Price::from_cents(49).unwrap();
    shop.publish(Event::OrderCreated(cheap.clone())).await;
    let answer = pay(&buyer, &cheap, "tok_visa").await;
    assert_eq!(
        (answer.status, answer.message()),
        (400, "Sorry, this price is too low to be paid by card.")
    );
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.close().await;
}

/// Asserts that the message is a sentence for people and shows nothing of Stripe's API.
fn expect_plain(token: &str, answer: &Answer) {
    let message = answer.message();
    assert!(message.ends_with('.'), "{token}: {message}");
    for trace in ["`", "http", "Stripe", "stripe", "_", "token", "integration"] {
        assert!(!message.contains(trace), "{token}: {message}");
    }
    assert!(matches!(answer.json["errors"][0]["field"], Value::Null));
}

#[tokio::test]
async fn a_stolen_card_gets_the_same_message_as_any_declined_card() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    for kind in ["LostCard", "StolenCard", "Fraudulent"] {
        let answer = pay(&buyer, &order, &format!("tok_chargeDeclined{kind}")).await;
        assert_eq!((answer.status, answer.message()), (400, GENERIC), "{kind}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_card_that_is_declined_twice_gets_the_message_twice() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    for _ in 0..2 {
        let answer = pay(&buyer, &order, "tok_chargeDeclined").await;
        assert_eq!((answer.status, answer.message()), (400, GENERIC));
    }
    shop.close().await;
}

#[tokio::test]
async fn a_card_that_requires_authentication_is_declined_with_advice() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    let answer = pay(&buyer, &order, "tok_threeDSecure2Required").await;
    assert_eq!(
        (answer.status, answer.message()),
        (
            400,
            "Your bank wants you to confirm this payment, and we cannot offer that yet. Please use another card."
        )
    );
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}
