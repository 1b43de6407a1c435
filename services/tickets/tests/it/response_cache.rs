//! The response cache: which clients see which version.

use reqwest::Method;
use reqwest::header::COOKIE;
use serde_json::json;
use testkit::{Api, TestApp, eventually};
use web::response_cache::WROTE;

use crate::{sell, show, start};

/// The price of the only ticket, in its own response and in the list.
async fn prices(api: &Api, path: &str) -> (f64, f64) {
    let price = |ticket: &serde_json::Value| ticket["price"].as_f64().unwrap();
    let (one, list) = (api.get(path).await, api.get("/api/tickets").await);
    (price(&one.json), price(&list.json[0]))
}

#[tokio::test]
async fn a_write_is_visible_to_everybody_at_the_same_process_at_once() {
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
async fn a_write_is_visible_to_its_writer_at_every_replica_at_once_and_to_others_soon() {
    let app = start().await;
    let other = app.replica().await;
    let (seller, anybody) = (app.user(), other.anonymous());
    let elsewhere = seller.at(other.base_url());
    let path = format!("/api/tickets/{}", sell(&seller, "a", json!(1)).await.id);
    for price in 2..20 {
        let edited = json!({ "title": "a", "price": price });
        assert_eq!(seller.put(&path, edited).await.status, 200);
        let price = f64::from(price);
        assert_eq!(prices(&elsewhere, &path).await, (price, price));
        eventually("everybody sees the price", async || {
            prices(&anybody, &path).await == (price, price)
        })
        .await;
    }
    other.leave().await;
    app.finish().await;
}

#[tokio::test]
async fn the_cookie_of_a_writer_outlives_cached_responses() {
    let app = start().await;
    let seller = app.user();
    let body = json!({ "title": "a", "price": 1 });
    let created = seller.post("/api/tickets", body.clone()).await;
    let edited = seller
        .put(&format!("/api/tickets/{}", created.id()), body)
        .await;
    for written in [created, edited] {
        let cookie = written.headers["set-cookie"].to_str().unwrap();
        assert_eq!(cookie, "wrote=1; Path=/; Max-Age=2; HttpOnly; SameSite=Lax");
    }
    let refused = seller.post("/api/tickets", json!({})).await;
    assert!(!refused.headers.contains_key("set-cookie"), "{refused:?}");
    app.finish().await;
}

/// The number of queries so far.
async fn queries(app: &TestApp) -> u64 {
    let found = [("db_operation_name", "find")];
    let scrape = app.metrics().await;
    scrape.count("db_client_operation_duration_seconds_count", &found)
}

#[tokio::test]
async fn repeated_reads_of_a_ticket_cause_few_queries() {
    const READS: u64 = 300;

    let app = start().await;
    let ticket = sell(&app.user(), "Front row", json!(20)).await;
    let before = queries(&app).await;
    let user = app.user();
    for _ in 0..READS {
        show(&user, &ticket).await;
    }
    let of_readers = queries(&app).await - before;
    let path = format!("/api/tickets/{}", ticket.id);
    for _ in 0..READS {
        let request = app.anonymous().request(Method::GET, &path);
        let request = request.header(COOKIE, format!("{WROTE}=1"));
        assert_eq!(app.anonymous().send(request).await.status, 200);
    }
    let of_writers = queries(&app).await - before - of_readers;
    // The sweep of the outboxes queries the database too.
    assert!(of_writers >= READS, "{of_writers} queries");
    assert!(of_readers <= READS / 3, "{of_readers} queries");
    app.finish().await;
}
