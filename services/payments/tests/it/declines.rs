//! Declined cards.

use common::{Event, Price, Subject};

use crate::shop::{Shop, pay};

#[tokio::test]
async fn a_declined_card_is_refused_in_stripes_words_and_another_card_pays() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    let declines = [
        ("tok_chargeDeclined", "Your card was declined."),
        (
            "tok_chargeDeclinedInsufficientFunds",
            "Your card has insufficient funds.",
        ),
    ];
    for (token, words) in declines {
        let answer = pay(&buyer, &order, token).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.message(), words);
    }
    assert!(shop.books().charged.is_empty());
    let paid = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(paid.status, 201, "{paid:?}");
    let stored = shop.stored(&order).await.unwrap();
    assert_eq!(stored.get_array("attempts").unwrap().len(), 3);
    assert_eq!(shop.books().charged.len(), 1);
    shop.told(Subject::PaymentCreated, &order).await;
    assert_eq!(shop.count(Subject::PaymentCreated).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_card_that_is_declined_twice_is_told_so_twice() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    for _ in 0..2 {
        let answer = pay(&buyer, &order, "tok_chargeDeclined").await;
        assert_eq!(
            (answer.status, answer.message()),
            (400, "Your card was declined.")
        );
    }
    shop.close().await;
}

#[tokio::test]
async fn a_token_that_stripe_does_not_know_is_refused() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    let answer = pay(&buyer, &order, "tok_that_never_was").await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(pay(&buyer, &order, "tok_visa").await.status, 201);
    shop.close().await;
}

#[tokio::test]
async fn a_card_that_wants_its_owner_to_act_is_declined() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let order = shop.order(&buyer).await;
    let answer = pay(&buyer, &order, "tok_threeDSecure2Required").await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.message().contains("authentication"), "{answer:?}");
    assert!(shop.books().charged.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_price_that_stripe_does_not_charge_is_refused_in_its_words() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let mut order = shop.order_of(&buyer);
    order.price = Price::from_cents(49).unwrap();
    shop.tell(Event::OrderCreated(order.clone())).await;
    let answer = pay(&buyer, &order, "tok_visa").await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.message().contains("$0.50"), "{answer:?}");
    shop.close().await;
}
