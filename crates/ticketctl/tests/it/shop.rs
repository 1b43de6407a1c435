//! What shoppers do, and damage to the fleet's data.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use mongodb::{Client, Collection};
use serde_json::json;
use testkit::{Api, Fleet, eventually_within};

const TIMEOUT: Duration = Duration::from_mins(1);

/// A ticket and its order.
#[derive(Debug, Clone)]
pub(crate) struct Sold {
    pub(crate) ticket: String,
    pub(crate) order: String,
}

/// Sells a ticket to a buyer whose first card is declined.
pub(crate) async fn sell(fleet: &Fleet) -> Sold {
    let seller = Api::sign_up(&fleet.origin()).await;
    let buyer = Api::sign_up(&fleet.origin()).await;
    let offer = json!({ "title": "Front row", "price": 19.99 });
    let ticket = seller.post("/api/tickets", offer).await.id();
    let order = buyer
        .post("/api/orders", json!({ "ticketId": ticket }))
        .await;
    assert_eq!(order.status, 201, "{order:?}");
    let order = order.id();
    wait_for(&buyer, &order, "awaiting:payment").await;
    for (token, status) in [
        ("tok_chargeDeclinedInsufficientFunds", 400),
        ("tok_visa", 201),
    ] {
        let body = json!({ "token": token, "orderId": order });
        assert_eq!(buyer.post("/api/payments", body).await.status, status);
    }
    wait_for(&buyer, &order, "complete").await;
    Sold { ticket, order }
}

async fn wait_for(buyer: &Api, order: &str, status: &str) {
    let path = format!("/api/orders/{order}");
    eventually_within(TIMEOUT, &format!("the order is {status}"), async || {
        let shown = buyer.get(&path).await;
        if shown.json["status"] == status {
            Ok(())
        } else {
            Err(shown.text)
        }
    })
    .await;
}

/// Publishes an unreadable event.
pub(crate) async fn poison(fleet: &Fleet, body: &'static str) {
    let client = async_nats::connect(fleet.nats_url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let published = jetstream
        .publish("ticket:updated", body.into())
        .await
        .unwrap();
    published.await.unwrap();
}

async fn orders(fleet: &Fleet) -> Collection<Document> {
    let client = Client::with_uri_str(fleet.mongo_uri("orders"))
        .await
        .unwrap();
    client.database("orders").collection("orders")
}

/// Adds a second complete order of a sold ticket; returns its id.
pub(crate) async fn sell_twice(fleet: &Fleet, sold: &Sold) -> String {
    let orders = orders(fleet).await;
    let id: ObjectId = sold.order.parse().unwrap();
    let mut order = orders.find_one(doc! { "_id": id }).await.unwrap().unwrap();
    let second = ObjectId::new();
    order.insert("_id", second);
    orders.insert_one(order).await.unwrap();
    second.to_hex()
}

/// Cancels a paid order without a refund.
pub(crate) async fn cancel_without_refund(fleet: &Fleet, sold: &Sold) {
    let id: ObjectId = sold.order.parse().unwrap();
    let cancelled = doc! { "$set": { "status": "cancelled", "reason": "expired" } };
    let orders = orders(fleet).await;
    orders
        .update_one(doc! { "_id": id }, cancelled)
        .await
        .unwrap();
}
