//! The stream of ticket changes.

use std::time::{Duration, Instant};

use common::Event;
use common::api::tickets::TicketView;
use futures::TryStreamExt;
use serde_json::json;
use testkit::TestApp;
use testkit::app::{EventStream, ServerSentEvent};

use crate::{order_of, sell, start};

const PATH: &str = "/api/tickets/stream";

async fn watch(app: &TestApp, last: Option<&str>) -> EventStream {
    EventStream::open(&app.anonymous(), PATH, last).await
}

/// Opens a stream and waits for its position.
async fn watch_from_now(app: &TestApp) -> EventStream {
    let mut stream = watch(app, None).await;
    assert_eq!(next(&mut stream).await.name, "place");
    stream
}

async fn next(stream: &mut EventStream) -> ServerSentEvent {
    stream.next().await.expect("the stream is open")
}

/// The ticket of the next event.
async fn ticket(stream: &mut EventStream) -> TicketView {
    let event = next(stream).await;
    assert_eq!(event.name, "ticket", "{event:?}");
    serde_json::from_value(event.data).unwrap()
}

#[tokio::test]
async fn every_change_of_a_ticket_is_sent_within_a_second() {
    let app = start().await;
    let mut stream = watch_from_now(&app).await;
    let seller = app.user();
    let before = Instant::now();
    let created = sell(&seller, "Front row", json!(20)).await;
    assert_eq!(ticket(&mut stream).await, created);
    let edit = json!({ "title": "Second row", "price": 15.5 });
    let path = format!("/api/tickets/{}", created.id);
    let edited = seller.put(&path, edit).await;
    assert_eq!(json!(ticket(&mut stream).await), edited.json);
    let order = order_of(&created);
    app.publish(Event::OrderCreated(order.clone())).await;
    assert_eq!(ticket(&mut stream).await.order_id, Some(order.id));
    app.publish(Event::OrderCancelled(order)).await;
    let released = ticket(&mut stream).await;
    assert_eq!((released.order_id, released.version), (None, 3));
    assert!(before.elapsed() < Duration::from_secs(1));
    drop(stream);
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_reconnects_receives_exactly_what_it_missed() {
    let app = start().await;
    let replica = app.replica().await;
    let seller = app.user();
    let mut stream = watch_from_now(&app).await;
    sell(&seller, "A", json!(1)).await;
    let seen = next(&mut stream).await;
    for title in ["B", "C"] {
        let created = sell(&seller, title, json!(1)).await;
        assert_eq!(ticket(&mut stream).await, created);
    }
    drop(stream);
    // At another replica with the header, and at the same one with the parameter.
    let mut elsewhere = watch(&replica, Some(&seen.id)).await;
    let path = format!("{PATH}?lastEventId={}", seen.id);
    let mut reopened = EventStream::open(&app.anonymous(), &path, None).await;
    for stream in [&mut elsewhere, &mut reopened] {
        assert_eq!(ticket(stream).await.title.as_str(), "B");
        assert_eq!(ticket(stream).await.title.as_str(), "C");
    }
    drop((elsewhere, reopened));
    replica.leave().await;
    let app = app.restart().await;
    let mut stream = watch(&app, Some(&seen.id)).await;
    sell(&app.user(), "D", json!(1)).await;
    for title in ["B", "C", "D"] {
        assert_eq!(ticket(&mut stream).await.title.as_str(), title);
    }
    drop(stream);
    app.finish().await;
}

#[tokio::test]
async fn a_page_that_continues_from_its_position_misses_nothing() {
    let app = start().await;
    let replica = app.replica().await;
    let (seller, anybody) = (app.user(), app.anonymous());
    watch_from_now(&app).await;
    let mut now = sell(&seller, "Front row", json!(1)).await;
    let path = format!("/api/tickets/{}", now.id);
    for page in ["/api/tickets", &path].repeat(5) {
        let rendered = anybody.get(page).await;
        let list = rendered.json.as_array().and_then(|list| list.first());
        let shown = list.unwrap_or(&rendered.json)["version"].as_u64().unwrap();
        let position = rendered.headers["last-event-id"].to_str().unwrap();
        let edit = json!({ "title": "Front row", "price": shown + 2 });
        now = serde_json::from_value(seller.put(&path, edit).await.json).unwrap();
        let mut stream = watch(&replica, Some(position)).await;
        let mut received = ticket(&mut stream).await;
        let first = received.version;
        assert!(first <= shown + 1, "{first} after {shown}");
        while received.version < now.version {
            received = ticket(&mut stream).await;
        }
        assert_eq!(received, now);
    }
    replica.leave().await;
    app.finish().await;
}

#[tokio::test]
async fn a_client_without_a_position_receives_later_changes_only() {
    let app = start().await;
    let mut first = watch_from_now(&app).await;
    sell(&app.user(), "Front row", json!(1)).await;
    ticket(&mut first).await;
    let mut second = watch_from_now(&app).await;
    let created = sell(&app.user(), "Second row", json!(2)).await;
    assert_eq!(ticket(&mut second).await, created);
    drop((first, second));
    app.finish().await;
}

#[tokio::test]
async fn a_client_with_an_unknown_position_is_told_to_reload() {
    let app = start().await;
    let mut stream = watch(&app, Some("banana")).await;
    let reset = next(&mut stream).await;
    assert_eq!((reset.name.as_str(), &reset.data), ("reset", &json!({})));
    let created = sell(&app.user(), "Front row", json!(20)).await;
    assert_eq!(ticket(&mut stream).await, created);
    let mut stream = watch(&app, Some(&reset.id)).await;
    assert_eq!(ticket(&mut stream).await, created);
    drop(stream);
    app.finish().await;
}

#[tokio::test]
async fn two_hundred_streams_share_one_subscription() {
    let app = start().await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.push(watch_from_now(&app).await);
    }
    let before = Instant::now();
    let created = sell(&app.user(), "Front row", json!(20)).await;
    for stream in &mut streams {
        assert_eq!(ticket(stream).await, created);
    }
    assert!(before.elapsed() < Duration::from_secs(1));
    let stream = app.broker().jetstream().get_stream(app.broker().stream());
    let consumers = stream.await.unwrap().consumer_names();
    let consumers: Vec<String> = consumers.try_collect().await.unwrap();
    let feeds = consumers.iter().filter(|name| name.starts_with("feed-"));
    assert_eq!(feeds.count(), 1, "{consumers:?}");
    drop(streams);
    app.finish().await;
}

#[tokio::test]
async fn open_streams_do_not_delay_the_shutdown() {
    let app = start().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(watch_from_now(&app).await);
    }
    let before = Instant::now();
    let app = app.restart().await;
    assert!(before.elapsed() < Duration::from_secs(3));
    for stream in &mut streams {
        assert_eq!(stream.next().await, None);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_stream_is_in_the_openapi_description_and_read_only() {
    let app = start().await;
    let described = app.anonymous().get("/api/tickets/openapi.json").await;
    let answers = &described.json["paths"][PATH]["get"]["responses"]["200"];
    assert!(answers["content"]["text/event-stream"].is_object());
    let edit = json!({ "title": "a", "price": 1 });
    assert_eq!(app.user().put(PATH, edit).await.status, 404);
    app.finish().await;
}
