//! A refund or a lost dispute at Stripe cancels the order and frees its ticket.

use testkit::{Api, Fleet};

use crate::{
    NO_EXPIRY, net_charged, order, pay, sell, shopper, wait_for_holder, wait_for_status, with_fleet,
};

/// Sells a ticket. Returns the buyer, the ticket, the order, and its payment intent at Stripe.
async fn sold(fleet: &Fleet) -> (Api, String, String, String) {
    let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
    let ticket = sell(&seller).await;
    let order = order(&buyer, &ticket).await;
    assert_eq!(pay(&buyer, &order).await.status, 201);
    wait_for_status(&buyer, &order, "complete").await;
    wait_for_holder(&buyer, &ticket, Some(&order)).await;
    let charges = fleet.stripe().ledger().charges.into_iter();
    let mut charges = charges.filter(|charge| charge.metadata["order_id"] == order);
    let intent = charges.next().unwrap().payment_intent;
    (buyer, ticket, order, intent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_in_the_dashboard_cancels_the_order_and_its_ticket_is_sold_again() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let (buyer, ticket, refunded, intent) = sold(fleet).await;
        fleet.stripe().refund(&intent, None).unwrap();
        wait_for_status(&buyer, &refunded, "cancelled").await;
        let shown = buyer.get(&format!("/api/orders/{refunded}")).await;
        assert_eq!(shown.json["reason"], "refunded");
        wait_for_holder(&buyer, &ticket, None).await;
        let next = shopper(fleet).await;
        let second = order(&next, &ticket).await;
        assert_eq!(pay(&next, &second).await.status, 201);
        wait_for_status(&next, &second, "complete").await;
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_that_is_lost_cancels_the_order_and_one_that_is_won_does_not() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let (buyer, ticket, lost, intent) = sold(fleet).await;
        let (other, _, won, other_intent) = sold(fleet).await;
        let stripe = fleet.stripe();
        let other_dispute = stripe.open_dispute(&other_intent).unwrap();
        assert!(stripe.close_dispute(&other_dispute, true));
        let dispute = stripe.open_dispute(&intent).unwrap();
        assert!(stripe.close_dispute(&dispute, false));
        wait_for_status(&buyer, &lost, "cancelled").await;
        wait_for_holder(&buyer, &ticket, None).await;
        wait_for_status(&other, &won, "complete").await;
    })
    .await;
}
