//! Concurrent payments charge once.

use common::Subject;
use futures::future::join_all;

use crate::shop::{Shop, pay};

const TWENTY: usize = 20;

#[tokio::test]
async fn twenty_concurrent_payments_of_one_order_charge_once() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    let payments = (0..TWENTY).map(|_| pay(&buyer, &order, "tok_visa"));
    let answers = join_all(payments).await;
    let paid: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert!(!paid.is_empty());
    for answer in &paid {
        assert_eq!(answer.id(), paid[0].id());
    }
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.message(), "Order is already paid");
    }
    let published = shop.expect_event(Subject::PaymentCreated, &order).await;
    assert_eq!(published.id.to_string(), paid[0].id());
    assert_eq!(shop.count(Subject::PaymentCreated).await, 1);
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    shop.close().await;
}

#[tokio::test]
async fn payments_of_different_orders_do_not_block_each_other() {
    let shop = Shop::open().await;
    let buyer = shop.app.user();
    let mut orders = Vec::new();
    for _ in 0..TWENTY {
        orders.push(shop.order(&buyer).await);
    }
    let answers = join_all(orders.iter().map(|order| pay(&buyer, order, "tok_visa"))).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert_eq!(shop.books().charged.len(), TWENTY);
    shop.close().await;
}

#[tokio::test]
async fn a_declined_card_does_not_block_a_good_card() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    let declined = (0..TWENTY).map(|_| pay(&buyer, &order, "tok_chargeDeclined"));
    let (declined, accepted) = tokio::join!(join_all(declined), pay(&buyer, &order, "tok_visa"));
    assert_eq!(accepted.status, 201, "{accepted:?}");
    for answer in declined {
        // A request after the good card finds the order paid or shares its success.
        let expected = [201, 400].contains(&answer.status);
        assert!(expected, "{answer:?}");
    }
    assert_eq!(shop.books().charged, [(order.id.to_string(), 2_000)]);
    shop.close().await;
}
