//! Metrics of tickets.

use common::Event;
use serde_json::json;
use testkit::eventually;

use crate::{order_of, sell, start};

#[tokio::test]
async fn a_change_is_counted_once_however_often_its_event_is_delivered() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let order = order_of(&ticket);
    for _ in 0..3 {
        app.publish(Event::OrderCreated(order.clone())).await;
    }
    eventually(
        "the ticket is held and all events are handled",
        async || {
            let scrape = app.metrics().await;
            let handled = scrape.count("ticketing_event_apply_lag_seconds_count", &[]);
            scrape.count("ticketing_tickets_held_total", &[]) == 1 && handled == 3
        },
    )
    .await;
    for _ in 0..2 {
        app.publish(Event::OrderCancelled(order.clone())).await;
    }
    eventually(
        "the ticket is released and all events are handled",
        async || {
            let scrape = app.metrics().await;
            let handled = scrape.count("ticketing_event_apply_lag_seconds_count", &[]);
            scrape.count("ticketing_tickets_released_total", &[]) == 1 && handled == 5
        },
    )
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
