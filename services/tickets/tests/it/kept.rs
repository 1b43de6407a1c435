//! Pages that are given from memory: who sees what when.

use serde_json::json;
use testkit::{Api, TestApp, eventually};

use crate::{sell, show, start};

/// The price of the only ticket, in its own answer and in the list.
async fn prices(api: &Api, path: &str) -> (f64, f64) {
    let price = |ticket: &serde_json::Value| ticket["price"].as_f64().unwrap();
    let (one, list) = (api.get(path).await, api.get("/api/tickets").await);
    (price(&one.json), price(&list.json[0]))
}

#[tokio::test]
async fn everybody_sees_at_once_what_the_same_process_wrote() {
    let app = start().await;
    let (seller, anybody) = (app.user(), app.anonymous());
    let path = format!("/api/tickets/{}", sell(&seller, "a", json!(1)).await.id);
    for price in 2..20 {
        let edited = json!({ "title": "a", "price": price });
        assert_eq!(seller.put(&path, edited).await.status, 200);
        let price = f64::from(price);
        assert_eq!(prices(&anybody, &path).await, (price, price));
    }
    app.finish().await;
}

#[tokio::test]
async fn who_is_signed_in_sees_at_once_what_another_replica_wrote_and_others_soon() {
    let app = start().await;
    let other = app.replica().await;
    let (seller, user, anybody) = (app.user(), other.user(), other.anonymous());
    let path = format!("/api/tickets/{}", sell(&seller, "a", json!(1)).await.id);
    for price in 2..20 {
        let edited = json!({ "title": "a", "price": price });
        assert_eq!(seller.put(&path, edited).await.status, 200);
        let price = f64::from(price);
        assert_eq!(prices(&user, &path).await, (price, price));
        eventually("it is seen by everybody", async || {
            prices(&anybody, &path).await == (price, price)
        })
        .await;
    }
    other.leave().await;
    app.finish().await;
}

/// How often the database was asked.
async fn asked(app: &TestApp) -> u64 {
    let found = [("db_operation_name", "find")];
    let scrape = app.metrics().await;
    scrape.count("db_client_operation_duration_seconds_count", &found)
}

#[tokio::test]
async fn for_a_crowd_that_looks_at_the_same_the_database_is_asked_seldom() {
    const LOOKS: u64 = 300;

    let app = start().await;
    let ticket = sell(&app.user(), "Front row", json!(20)).await;
    let before = asked(&app).await;
    for _ in 0..LOOKS {
        show(&app.anonymous(), &ticket).await;
    }
    let for_anybody = asked(&app).await - before;
    for _ in 0..LOOKS {
        show(&app.user(), &ticket).await;
    }
    let for_users = asked(&app).await - before - for_anybody;
    // Others ask too: who looks for what waits to be published.
    assert!(for_users >= LOOKS, "asked {for_users} times");
    assert!(for_anybody <= LOOKS / 3, "asked {for_anybody} times");
    app.finish().await;
}
