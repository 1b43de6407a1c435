//! Tickets are sold, bought, cancelled and expire.

use std::time::Duration;

use serde_json::json;

use crate::{
    NO_EXPIRY, cancel, net_charged, order, pay, sell, shopper, wait_for_holder, wait_for_status,
    with_fleet,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_sold_and_paid() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
        let ticket = sell(&seller).await;
        let order = order(&buyer, &ticket).await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        wait_for_status(&buyer, &order, "awaiting:payment").await;
        assert_eq!(buyer.get("/api/tickets").await.json, json!([]));

        let body = json!({ "token": "tok_chargeDeclinedInsufficientFunds", "orderId": order });
        let declined = buyer.post("/api/payments", body).await;
        assert_eq!(declined.status, 400);
        assert_eq!(
            declined.message(),
            "There is not enough money available on this card. Please use another card."
        );

        let paid = pay(&buyer, &order).await;
        assert_eq!(paid.status, 201, "{paid:?}");
        wait_for_status(&buyer, &order, "complete").await;
        let again = pay(&buyer, &order).await;
        assert_eq!(
            (again.status, again.message()),
            (400, "Order is already paid")
        );
        let cancelled = buyer.delete(&format!("/api/orders/{order}")).await;
        assert_eq!(cancelled.status, 400);
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_order_expires_and_its_ticket_is_for_sale_again() {
    with_fleet(Duration::from_secs(3), async |fleet| {
        let (seller, buyer, next) = (
            shopper(fleet).await,
            shopper(fleet).await,
            shopper(fleet).await,
        );
        let ticket = sell(&seller).await;
        let expired = order(&buyer, &ticket).await;
        wait_for_holder(&buyer, &ticket, Some(&expired)).await;
        wait_for_status(&buyer, &expired, "cancelled").await;
        wait_for_holder(&buyer, &ticket, None).await;
        let late = pay(&buyer, &expired).await;
        assert_eq!(
            (late.status, late.message()),
            (400, "Cannot pay for a cancelled order")
        );

        let second = order(&next, &ticket).await;
        assert_eq!(pay(&next, &second).await.status, 201);
        wait_for_status(&next, &second, "complete").await;
        wait_for_holder(&next, &ticket, Some(&second)).await;
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_frees_its_ticket() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
        let ticket = sell(&seller).await;
        let order = order(&buyer, &ticket).await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        cancel(&buyer, &order).await;
        wait_for_holder(&buyer, &ticket, None).await;
        let edited = json!({ "title": "Front row", "price": 25 });
        let answer = seller.put(&format!("/api/tickets/{ticket}"), edited).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    })
    .await;
}
