//! Tests of the whole fleet: real processes, used through the gateway as a shopper's client uses it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod durability;
mod kill;
mod logs;
mod magic_link;
mod overload;
mod plans;
mod purchase;
mod races;
mod refunds;
mod resume;
mod smoke;
mod traces;

use std::time::Duration;

use bson::Document;
use mongodb::{Client, Collection};
use serde_json::{Value, json};
use testkit::{Answer, Api, Fleet, FleetSettings, eventually_within};
use tokio::sync::Semaphore;

/// Enough for events between services on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// An expiration of orders that no journey reaches.
const NO_EXPIRY: Duration = Duration::from_mins(15);

/// The limit of fleets at the same time. Each has a dozen processes.
static FLEETS: Semaphore = Semaphore::const_new(1);

/// Runs a journey in a new fleet, which must shut down gracefully.
async fn with_fleet(expiration: Duration, journey: impl AsyncFnOnce(&Fleet)) {
    let settings = FleetSettings {
        expiration,
        ..FleetSettings::default()
    };
    with_settings(settings, journey).await;
}

/// As [`with_fleet`], with more settings.
async fn with_settings(settings: FleetSettings, journey: impl AsyncFnOnce(&Fleet)) {
    let _permit = FLEETS.acquire().await.unwrap();
    let fleet = Fleet::start(settings).await.unwrap();
    journey(&fleet).await;
    assert_eq!(fleet.unexpected_exits(), Vec::<String>::new());
    fleet.stop().await.unwrap();
}

async fn shopper(fleet: &Fleet) -> Api {
    Api::sign_up(&fleet.origin()).await
}

/// Puts a ticket up for sale. Returns its id.
async fn sell(seller: &Api) -> String {
    let body = json!({ "title": "Front row", "price": 19.99 });
    let answer = seller.post("/api/tickets", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.id()
}

/// Orders a ticket. Returns the order's id.
async fn order(buyer: &Api, ticket: &str) -> String {
    let answer = try_order(buyer, ticket).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.id()
}

async fn try_order(buyer: &Api, ticket: &str) -> Answer {
    buyer
        .post("/api/orders", json!({ "ticketId": ticket }))
        .await
}

async fn pay(buyer: &Api, order: &str) -> Answer {
    let body = json!({ "token": "tok_visa", "orderId": order });
    buyer.post("/api/payments", body).await
}

async fn wait_for_status(buyer: &Api, order: &str, status: &str) {
    let path = format!("/api/orders/{order}");
    let what = format!("order {order} is {status}");
    eventually_within(TIMEOUT, &what, async || {
        let shown = buyer.get(&path).await;
        if shown.json["status"] == status {
            Ok(())
        } else {
            Err(shown.text)
        }
    })
    .await;
}

/// Waits until the tickets service shows the ticket as reserved by this order, or by none.
async fn wait_for_holder(anybody: &Api, ticket: &str, order: Option<&str>) {
    let path = format!("/api/tickets/{ticket}");
    let expected = order.map_or(Value::Null, Value::from);
    eventually_within(TIMEOUT, "the ticket is reserved as expected", async || {
        let shown = anybody.get(&path).await;
        if shown.status == 200 && shown.json["orderId"] == expected {
            Ok(())
        } else {
            Err(shown.text)
        }
    })
    .await;
}

/// The amount charged minus the amount refunded, in cents.
fn net_charged(fleet: &Fleet) -> i64 {
    let totals = fleet.stripe().ledger().totals;
    totals.charged - totals.refunded
}

/// A collection in the database of this service.
async fn collection(fleet: &Fleet, service: &str, name: &str) -> Collection<Document> {
    let client = Client::with_uri_str(fleet.mongo_uri(service))
        .await
        .unwrap();
    client.database(service).collection(name)
}

async fn cancel(buyer: &Api, order: &str) {
    let answer = buyer.delete(&format!("/api/orders/{order}")).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}
