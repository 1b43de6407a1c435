//! Each service killed in the middle of a purchase, which ends as it should once the service is back.

use std::time::Duration;

use serde_json::json;
use stripe_stand_in::{Fault, FaultKind};
use testkit::{Api, Fleet, eventually_within};

use crate::{
    PATIENCE, net_charged, order, pay, sell, shopper, wait_for_holder, wait_for_status, with_fleet,
};

async fn kill(fleet: &Fleet, service: &str) {
    for replica in fleet.service(service) {
        replica.kill().await;
    }
}

async fn start_again(fleet: &Fleet, service: &str) {
    for replica in fleet.service(service) {
        replica.restart().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_the_loss_of_auth() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let order = order(&buyer, &ticket).await;
        kill(fleet, "auth").await;
        assert_eq!(buyer.get("/api/users/currentuser").await.status, 503);
        assert_eq!(pay(&buyer, &order).await.status, 201);
        wait_for_status(&buyer, &order, "complete").await;
        start_again(fleet, "auth").await;
        let user = buyer.get("/api/users/currentuser").await;
        assert_eq!(user.json["currentUser"]["id"], json!(buyer.user_id()));
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_the_loss_of_tickets() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        // Told of once, the ticket can be ordered and paid without the service that owns it.
        let first = order(&buyer, &ticket).await;
        assert_eq!(
            buyer.delete(&format!("/api/orders/{first}")).await.status,
            204
        );
        kill(fleet, "tickets").await;
        let order = order(&buyer, &ticket).await;
        assert_eq!(pay(&buyer, &order).await.status, 201);
        wait_for_status(&buyer, &order, "complete").await;
        start_again(fleet, "tickets").await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_the_loss_of_orders() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let order = order(&buyer, &ticket).await;
        // Killed right after its answer: its event is published by now, or waits in the order.
        kill(fleet, "orders").await;
        start_again(fleet, "orders").await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        kill(fleet, "orders").await;
        assert_eq!(pay(&buyer, &order).await.status, 201);
        start_again(fleet, "orders").await;
        wait_for_status(&buyer, &order, "complete").await;
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_survives_the_loss_of_payments_while_the_card_is_charged() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let order = order(&buyer, &ticket).await;
        wait_for_status(&buyer, &order, "awaiting:payment").await;
        // Stripe charges and answers a second later, when nobody is there to hear it.
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
        start_again(fleet, "payments").await;
        wait_for_status(&buyer, &order, "complete").await;
        assert_eq!(fleet.stripe().ledger().charges.len(), 1);
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

/// Waits until an attempt is written down, which is right before Stripe is asked.
async fn wait_for_attempt(fleet: &Fleet) {
    let client = mongodb::Client::with_uri_str(fleet.mongo_uri("payments"))
        .await
        .unwrap();
    let payments = client
        .database("payments")
        .collection::<bson::Document>("payments");
    eventually_within(PATIENCE, "an attempt", async || {
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
        eventually_within(PATIENCE, "the order's time is over", async || {
            (clock.now() > expires_at).then_some(())
        })
        .await;
        assert_ne!(buyer.get(&path).await.json["status"], "cancelled");
        start_again(fleet, "expiration").await;
        wait_for_status(&buyer, &order, "cancelled").await;
        wait_for_holder(&buyer, &ticket, None).await;
    })
    .await;
}
