//! The stream of an order's changes.

use std::time::{Duration, Instant};

use common::OrderStatus;
use common::api::orders::OrderView;
use common::events::{CancellationReason, TicketState};
use common::{Event, Subject};
use futures::TryStreamExt;
use serde_json::json;
use testkit::app::EventStream;
use testkit::{Api, eventually};

use crate::{
    expiration_of, order, path, payment_of, show, start, start_with_clock, ticket_for_sale,
    wait_for_status,
};

fn stream_path(order: &OrderView) -> String {
    format!("{}/stream", path(order))
}

async fn watch(buyer: &Api, order: &OrderView, last: Option<&str>) -> EventStream {
    EventStream::open(buyer, &stream_path(order), last).await
}

/// The order of the next event, whose id is the order's version.
async fn next(stream: &mut EventStream) -> OrderView {
    let event = stream.next().await.expect("the stream is open");
    let order: OrderView = serde_json::from_value(event.data).unwrap();
    assert_eq!(
        (event.name.as_str(), event.id),
        ("order", order.version.to_string())
    );
    order
}

fn held(ticket: &TicketState, order: &OrderView) -> Event {
    Event::TicketUpdated(TicketState {
        version: ticket.version + 1,
        order_id: Some(order.id),
        ..ticket.clone()
    })
}

#[tokio::test]
async fn an_order_is_sent_at_once_and_after_each_change_until_it_is_paid() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let order = order(&buyer, &ticket).await;
    let mut stream = watch(&buyer, &order, None).await;
    assert_eq!(next(&mut stream).await, order);
    for (event, status) in [
        (held(&ticket, &order), OrderStatus::AwaitingPayment),
        (payment_of(&order), OrderStatus::Complete),
    ] {
        let before = Instant::now();
        app.publish(event).await;
        assert_eq!(next(&mut stream).await.status, status);
        assert!(before.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(stream.next().await, None);
    app.finish().await;
}

#[tokio::test]
async fn a_cancelled_order_is_sent_with_its_reason() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let cancelled = order(&buyer, &ticket_for_sale(&app).await).await;
    let expired = order(&buyer, &ticket_for_sale(&app).await).await;
    let mut streams = Vec::new();
    for order in [&cancelled, &expired] {
        let mut stream = watch(&buyer, order, None).await;
        assert_eq!(next(&mut stream).await, *order);
        streams.push(stream);
    }
    assert_eq!(buyer.delete(&path(&cancelled)).await.status, 204);
    clock.advance(Duration::from_mins(15));
    app.publish(expiration_of(&expired)).await;
    let reasons = [CancellationReason::Owner, CancellationReason::Expired];
    for ((stream, order), reason) in streams.iter_mut().zip([cancelled, expired]).zip(reasons) {
        let ended = next(stream).await;
        assert_eq!(
            (ended.status, ended.reason),
            (OrderStatus::Cancelled, Some(reason))
        );
        assert_eq!(stream.next().await, None);
        let shown = buyer.get(&path(&order)).await;
        assert_eq!(shown.json["reason"], json!(reason));
        assert_eq!(json!(ended), shown.json);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_browser_that_has_the_final_version_is_told_to_stop_reconnecting() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    // It has the present version, which is not final.
    let mut stream = watch(&buyer, &order, Some("0")).await;
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    assert_eq!(next(&mut stream).await.version, 1);
    let status = async |path: &str, last: Option<&str>| {
        let answer = EventStream::ask(&buyer, path, last).await;
        answer.status().as_u16()
    };
    let path = stream_path(&order);
    assert_eq!(status(&path, Some("1")).await, 204);
    assert_eq!(status(&format!("{path}?lastEventId=1"), None).await, 204);
    for last in [None, Some("0"), Some("banana"), Some("2")] {
        let mut stream = watch(&buyer, &order, last).await;
        assert_eq!(next(&mut stream).await.status, OrderStatus::Cancelled);
        assert_eq!(stream.next().await, None);
    }
    app.finish().await;
}

#[tokio::test]
async fn only_the_buyer_can_open_the_stream() {
    let app = start().await;
    let (buyer, stranger) = (app.user(), app.user());
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    let path = stream_path(&order);
    for api in [stranger, app.anonymous()] {
        let answer = api.get(&path).await;
        assert_eq!((answer.status, answer.message()), (401, "Not authorized"));
    }
    for id in ["banana", "64b7f0c2a1b2c3d4e5f60718"] {
        let path = format!("/api/orders/{id}/stream");
        assert_eq!(buyer.get(&path).await.status, 404);
        assert_eq!(app.anonymous().get(&path).await.status, 401);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_change_made_by_another_process_is_sent_too() {
    let app = start().await;
    let replica = app.replica().await;
    let buyer = app.user();
    let elsewhere = replica.user_with_id(buyer.user_id());
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    let mut first = watch(&buyer, &order, None).await;
    let mut second = watch(&elsewhere, &order, None).await;
    for stream in [&mut first, &mut second] {
        assert_eq!(next(stream).await, order);
    }
    app.publish(payment_of(&order)).await;
    for stream in [&mut first, &mut second] {
        assert_eq!(next(stream).await.status, OrderStatus::Complete);
    }
    replica.leave().await;
    app.finish().await;
}

#[tokio::test]
async fn a_change_without_an_event_is_sent_a_little_later() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    let mut stream = watch(&buyer, &order, None).await;
    assert_eq!(next(&mut stream).await, order);
    let orders = app.database().collection::<bson::Document>("orders");
    let change = bson::doc! { "$set": { "status": "complete", "version": 1_i64 } };
    orders.update_one(bson::doc! {}, change).await.unwrap();
    let complete = next(&mut stream).await;
    assert_eq!(complete, show(&buyer, &order).await);
    app.finish().await;
}

#[tokio::test]
async fn two_hundred_watchers_of_many_orders_share_one_subscription() {
    let app = start().await;
    let buyer = app.user();
    let (mut orders, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let order = order(&buyer, &ticket_for_sale(&app).await).await;
        for _ in 0..10 {
            let mut stream = watch(&buyer, &order, None).await;
            assert_eq!(next(&mut stream).await, order);
            streams.push(stream);
        }
        orders.push(order);
    }
    let paid = &orders[7];
    let before = Instant::now();
    app.publish(payment_of(paid)).await;
    for stream in &mut streams[70..80] {
        assert_eq!(next(stream).await.id, paid.id);
    }
    assert!(before.elapsed() < Duration::from_secs(1));
    wait_for_status(&buyer, paid, OrderStatus::Complete).await;
    let stream = app.broker().jetstream().get_stream(app.broker().stream());
    let consumers = stream.await.unwrap().consumer_names();
    let consumers: Vec<String> = consumers.try_collect().await.unwrap();
    let feeds = consumers.iter().filter(|name| name.starts_with("feed-"));
    assert_eq!(feeds.count(), 1, "{consumers:?}");
    // The streams end with the process, which does not wait for them.
    let before = Instant::now();
    let app = app.restart().await;
    assert!(before.elapsed() < Duration::from_secs(3));
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_reconnects_after_a_restart_receives_what_it_missed() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    let mut stream = watch(&buyer, &order, None).await;
    assert_eq!(next(&mut stream).await, order);
    let app = app.restart().await;
    assert_eq!(stream.next().await, None);
    let buyer = app.user_with_id(buyer.user_id());
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    let mut stream = watch(&buyer, &order, Some("0")).await;
    assert_eq!(next(&mut stream).await.status, OrderStatus::Cancelled);
    eventually("the cancellation is published", async || {
        !app.published(Subject::OrderCancelled).await.is_empty()
    })
    .await;
    app.finish().await;
}
