//! The orders service against real servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod domain;
mod ending;
mod placing;
mod tickets;

use common::api::orders::OrderView;
use common::events::{OrderState, TicketState};
use common::{Event, OrderStatus, Price, Subject};
use serde_json::json;
use service::Clock;
use service::mongo::new_id;
use testkit::{Api, TestApp, eventually};

async fn start() -> TestApp {
    TestApp::new(orders::NAME)
        .start(orders::Config::read, orders::build)
        .await
}

/// The service with a clock that stands still.
async fn start_with_clock() -> (TestApp, Clock) {
    let clock = Clock::manual(Clock::system().now());
    let app = TestApp::new(orders::NAME)
        .clock(clock.clone())
        .start(orders::Config::read, orders::build)
        .await;
    (app, clock)
}

fn ticket() -> TicketState {
    TicketState {
        id: new_id(),
        version: 0,
        title: "Front row".parse().unwrap(),
        price: Price::from_cents(1_999).unwrap(),
        user_id: new_id(),
        order_id: None,
    }
}

/// A ticket that the tickets service told of.
async fn ticket_for_sale(app: &TestApp) -> TicketState {
    let ticket = ticket();
    app.publish(Event::TicketCreated(ticket.clone())).await;
    ticket
}

/// Orders the ticket.
async fn order(buyer: &Api, ticket: &TicketState) -> OrderView {
    let answer = buyer
        .post("/api/orders", json!({ "ticketId": ticket.id }))
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    serde_json::from_value(answer.json).unwrap()
}

async fn show(buyer: &Api, order: &OrderView) -> OrderView {
    let answer = buyer.get(&path(order)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_value(answer.json).unwrap()
}

fn path(order: &OrderView) -> String {
    format!("/api/orders/{}", order.id)
}

async fn wait_for_status(buyer: &Api, order: &OrderView, status: OrderStatus) -> OrderView {
    eventually(&format!("the order is {status}"), async || {
        let shown = show(buyer, order).await;
        (shown.status == status).then_some(shown)
    })
    .await
}

/// The cancellation of this order, as it was told.
async fn told_cancellation(app: &TestApp, order: &OrderView) -> OrderState {
    let of_this = |event: &Event| event.entity_id() == order.id.to_string();
    match app.expect_event(Subject::OrderCancelled, of_this).await {
        Event::OrderCancelled(state) => state,
        other => panic!("{other:?}"),
    }
}
