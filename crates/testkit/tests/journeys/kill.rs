//! Each service is killed during a purchase, which completes once the service is back.

use std::time::Duration;

use serde_json::json;
use stripe_stand_in::{Fault, FaultKind};
use testkit::{Api, Fleet, eventually_within};

use crate::{
    NO_EXPIRY, TIMEOUT, cancel, collection, net_charged, order, pay, sell, shopper,
    wait_for_holder, wait_for_status, with_fleet,
};

async fn kill(fleet: &Fleet, service: &str) {
    for replica in fleet.service(service) {
        replica.kill().await;
    }
}

async fn restart(fleet: &Fleet, service: &str) {
    for replica in fleet.service(service) {
        replica.restart().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_the_loss_of_auth() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let order = order(&buyer, &ticket).await;
        kill(fleet, "auth").await;
        assert_eq!(buyer.get("/api/users/currentuser").await.status, 503);
        assert_eq!(pay(&buyer, &order).await.status, 201);
        wait_for_status(&buyer, &order, "complete").await;
        restart(fleet, "auth").await;
        let user = buyer.get("/api/users/currentuser").await;
        assert_eq!(user.json["currentUser"]["id"], json!(buyer.user_id()));
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_the_loss_of_tickets() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        // Once its event has arrived, a ticket can be ordered and paid without the tickets service.
        let first = order(&buyer, &ticket).await;
        cancel(&buyer, &first).await;
        kill(fleet, "tickets").await;
        let order = order(&buyer, &ticket).await;
        assert_eq!(pay(&buyer, &order).await.status, 201);
        wait_for_status(&buyer, &order, "complete").await;
        restart(fleet, "tickets").await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_the_loss_of_orders() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let order = order(&buyer, &ticket).await;
        // Killed right after its response: the event is published, or is still in the outbox.
        kill(fleet, "orders").await;
        restart(fleet, "orders").await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        kill(fleet, "orders").await;
        assert_eq!(pay(&buyer, &order).await.status, 201);
        restart(fleet, "orders").await;
        wait_for_status(&buyer, &order, "complete").await;
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_the_loss_of_payments_while_the_card_is_charged() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let order = order(&buyer, &ticket).await;
        wait_for_status(&buyer, &order, "awaiting:payment").await;
        // Stripe charges, and responds a second later, after the service was killed.
        fleet.stripe().inject(Fault::once(FaultKind::Slow {
            milliseconds: 1_000,
        }));
        let paying = pay(&buyer, &order);
        let killing = async {
            wait_for_attempt(fleet).await;
            kill(fleet, "payments").await;
        };
        let (answer, ()) = tokio::join!(paying, killing);
        assert!(answer.status >= 500, "{answer:?}");
        restart(fleet, "payments").await;
        wait_for_status(&buyer, &order, "complete").await;
        assert_eq!(fleet.stripe().ledger().charges.len(), 1);
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

/// Waits until an attempt is stored, which happens right before the request to Stripe.
async fn wait_for_attempt(fleet: &Fleet) {
    let payments = collection(fleet, "payments", "payments").await;
    eventually_within(TIMEOUT, "an attempt", async || {
        payments.find_one(bson::doc! {}).await.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expiry_survives_the_loss_of_expiration() {
    with_fleet(Duration::from_secs(4), async |fleet| {
        let buyer: Api = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let order = order(&buyer, &ticket).await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        kill(fleet, "expiration").await;
        let path = format!("/api/orders/{order}");
        let shown = buyer.get(&path).await;
        let expires_at: common::Timestamp =
            shown.json["expiresAt"].as_str().unwrap().parse().unwrap();
        let clock = base::Clock::system();
        eventually_within(TIMEOUT, "the order has expired", async || {
            (clock.now() > expires_at).then_some(())
        })
        .await;
        assert_ne!(buyer.get(&path).await.json["status"], "cancelled");
        restart(fleet, "expiration").await;
        wait_for_status(&buyer, &order, "cancelled").await;
        wait_for_holder(&buyer, &ticket, None).await;
    })
    .await;
}
