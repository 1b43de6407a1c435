//! Pages that are given from memory: who sees what when.

use reqwest::Method;
use reqwest::header::COOKIE;
use serde_json::json;
use testkit::{Api, TestApp, eventually};
use web::response_cache::WROTE;

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
async fn who_wrote_sees_it_at_once_by_whichever_replica_and_others_soon() {
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
        eventually("it is seen by everybody", async || {
            prices(&anybody, &path).await == (price, price)
        })
        .await;
    }
    other.leave().await;
    app.finish().await;
}

#[tokio::test]
async fn a_writer_is_known_by_a_cookie_for_longer_than_an_answer_is_kept() {
    let app = start().await;
    let seller = app.user();
    let body = json!({ "title": "a", "price": 1 });
    let made = seller.post("/api/tickets", body.clone()).await;
    let edited = seller
        .put(&format!("/api/tickets/{}", made.id()), body)
        .await;
    for written in [made, edited] {
        let cookie = written.headers["set-cookie"].to_str().unwrap();
        assert_eq!(cookie, "wrote=1; Path=/; Max-Age=2; HttpOnly; SameSite=Lax");
    }
    let refused = seller.post("/api/tickets", json!({})).await;
    assert!(!refused.headers.contains_key("set-cookie"), "{refused:?}");
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
    let user = app.user();
    for _ in 0..LOOKS {
        show(&user, &ticket).await;
    }
    let for_anybody = asked(&app).await - before;
    let path = format!("/api/tickets/{}", ticket.id);
    for _ in 0..LOOKS {
        let look = app.anonymous().request(Method::GET, &path);
        let look = look.header(COOKIE, format!("{WROTE}=1"));
        assert_eq!(app.anonymous().send(look).await.status, 200);
    }
    let for_writers = asked(&app).await - before - for_anybody;
    // Others ask too: who looks for what waits to be published.
    assert!(for_writers >= LOOKS, "asked {for_writers} times");
    assert!(for_anybody <= LOOKS / 3, "asked {for_anybody} times");
    app.finish().await;
}
