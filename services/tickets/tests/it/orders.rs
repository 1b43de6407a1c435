//! Orders hold and release tickets, in whatever order their events arrive.

use common::api::tickets::TicketView;
use common::events::OrderState;
use common::{Event, OrderStatus, Subject};
use serde_json::json;
use testkit::{TestApp, eventually};

use crate::{order_of, sell, show, start};

fn created(order: &OrderState) -> Event {
    Event::OrderCreated(order.clone())
}

fn cancelled(order: &OrderState) -> Event {
    Event::OrderCancelled(OrderState {
        version: order.version + 1,
        status: OrderStatus::Cancelled,
        ..order.clone()
    })
}

async fn wait_until_held_by(app: &TestApp, ticket: &TicketView, order: Option<&OrderState>) {
    let api = app.anonymous();
    eventually("the ticket is held as expected", async || {
        let shown = show(&api, ticket).await;
        (shown.order_id == order.map(|order| order.id)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_takes_a_ticket_off_the_list_and_its_cancellation_puts_it_back() {
    let app = start().await;
    let ticket = sell(&app.user(), "Front row", json!(20)).await;
    let order = order_of(&ticket);
    app.publish(created(&order)).await;
    wait_until_held_by(&app, &ticket, Some(&order)).await;
    assert_eq!(app.anonymous().get("/api/tickets").await.json, json!([]));
    app.expect_event(Subject::TicketUpdated, |event| event.version() == Some(1))
        .await;
    app.publish(cancelled(&order)).await;
    wait_until_held_by(&app, &ticket, None).await;
    assert_eq!(
        app.anonymous()
            .get("/api/tickets")
            .await
            .json
            .as_array()
            .unwrap()
            .len(),
        1
    );
    app.expect_event(Subject::TicketUpdated, |event| event.version() == Some(2))
        .await;
    app.finish().await;
}

#[tokio::test]
async fn a_reserved_ticket_cannot_be_repriced() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let order = order_of(&ticket);
    app.publish(created(&order)).await;
    wait_until_held_by(&app, &ticket, Some(&order)).await;
    let path = format!("/api/tickets/{}", ticket.id);
    let answer = seller
        .put(&path, json!({ "title": "Front row", "price": 200 }))
        .await;
    assert_eq!(
        (answer.status, answer.message()),
        (400, "Cannot edit a reserved ticket")
    );
    assert_eq!(show(&seller, &ticket).await.price, ticket.price);
    app.finish().await;
}

#[tokio::test]
async fn repeated_and_reordered_events_lead_to_the_same_state() {
    let app = start().await;
    let seller = app.user();
    // Three successive orders, of which the last holds the ticket, with their events in different orders.
    let mut tickets = Vec::new();
    for rotation in 0..10 {
        let ticket = sell(&seller, &format!("Seat {rotation}"), json!(20)).await;
        let orders = [order_of(&ticket), order_of(&ticket), order_of(&ticket)];
        let mut events = vec![
            created(&orders[0]),
            cancelled(&orders[0]),
            created(&orders[1]),
            cancelled(&orders[1]),
            created(&orders[2]),
        ];
        events.extend(events.clone());
        events.rotate_left(rotation);
        if rotation % 2 == 1 {
            events.reverse();
        }
        for event in events {
            app.deliver_again(event).await;
        }
        let [.., last] = orders;
        tickets.push((ticket, last));
    }
    for (ticket, last) in &tickets {
        wait_until_held_by(&app, ticket, Some(last)).await;
    }
    app.finish().await;
}

#[tokio::test]
async fn an_order_created_after_its_cancellation_does_not_hold_the_ticket() {
    let app = start().await;
    let ticket = sell(&app.user(), "Front row", json!(20)).await;
    let (cancelled_order, next) = (order_of(&ticket), order_of(&ticket));
    app.publish(cancelled(&cancelled_order)).await;
    app.publish(created(&cancelled_order)).await;
    app.publish(created(&next)).await;
    wait_until_held_by(&app, &ticket, Some(&next)).await;
    app.finish().await;
}

#[tokio::test]
async fn an_order_waits_until_the_previous_one_releases_the_ticket() {
    let app = start().await;
    let ticket = sell(&app.user(), "Front row", json!(20)).await;
    let (first, second) = (order_of(&ticket), order_of(&ticket));
    app.publish(created(&first)).await;
    wait_until_held_by(&app, &ticket, Some(&first)).await;
    app.publish(created(&second)).await;
    app.publish(cancelled(&first)).await;
    wait_until_held_by(&app, &ticket, Some(&second)).await;
    app.finish().await;
}
