//! What is counted of tickets.

use common::Event;
use serde_json::json;
use testkit::eventually;

use crate::{order_of, sell, start};

#[tokio::test]
async fn what_becomes_of_tickets_is_counted_once_however_often_it_is_told() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let order = order_of(&ticket);
    for _ in 0..3 {
        app.publish(Event::OrderCreated(order.clone())).await;
    }
    eventually("it is held, and all is done", async || {
        let scrape = app.metrics().await;
        let done = scrape.count("ticketing_event_apply_lag_seconds_count", &[]);
        scrape.count("ticketing_tickets_held_total", &[]) == 1 && done == 3
    })
    .await;
    for _ in 0..2 {
        app.publish(Event::OrderCancelled(order.clone())).await;
    }
    eventually("it is released, and all is done", async || {
        let scrape = app.metrics().await;
        let done = scrape.count("ticketing_event_apply_lag_seconds_count", &[]);
        scrape.count("ticketing_tickets_released_total", &[]) == 1 && done == 5
    })
    .await;
    let scrape = app.metrics().await;
    assert_eq!(scrape.count("ticketing_tickets_created_total", &[]), 1);
    assert_eq!(scrape.count("ticketing_tickets_held_total", &[]), 1);
    let posted = [
        ("http_route", "/api/tickets"),
        ("http_request_method", "POST"),
    ];
    assert_eq!(
        scrape.count("http_server_request_duration_seconds_count", &posted),
        1
    );
    app.finish().await;
}
