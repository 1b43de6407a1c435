//! The orders service against real servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod config;
mod delivery;
mod domain;
mod ending;
mod metrics;
mod placing;
mod price;
mod recovery;
mod repeated_requests;
mod stream;
mod tickets;
mod unknown_tickets;
mod withdrawals;

use base::Clock;
use common::api::orders::OrderView;
use common::events::{ExpirationState, OrderState, PaymentState, TicketState};
use common::id::kind;
use common::{Event, Id, OrderStatus, Price, Subject};
use mongo::{new_id, object_id};
use serde_json::json;
use testkit::{Answer, Api, TestApp, eventually};

async fn start() -> TestApp {
    TestApp::new(orders::NAME)
        .start(orders::Config::read, orders::build)
        .await
}

/// Starts the service with a clock that only the test advances.
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
        withdrawn: false,
    }
}

/// Publishes a new ticket and waits for its replica.
async fn ticket_for_sale(app: &TestApp) -> TicketState {
    let ticket = ticket();
    app.publish(Event::TicketCreated(ticket.clone())).await;
    eventually("the ticket is replicated", async || {
        replica_version(app, &ticket).await == Some(0)
    })
    .await;
    ticket
}

/// The version of the ticket's replica, if there is one.
async fn replica_version(app: &TestApp, ticket: &TicketState) -> Option<i64> {
    let tickets = app.database().collection::<bson::Document>("tickets");
    let by_id = bson::doc! { "_id": object_id(ticket.id) };
    let found = tickets.find_one(by_id).await.unwrap()?;
    Some(found.get_i64("version").unwrap())
}

async fn try_order(buyer: &Api, ticket: Id<kind::Ticket>) -> Answer {
    buyer
        .post("/api/orders", json!({ "ticketId": ticket }))
        .await
}

async fn order(buyer: &Api, ticket: &TicketState) -> OrderView {
    let answer = try_order(buyer, ticket.id).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    serde_json::from_value(answer.json).unwrap()
}

/// Checks that an order for the ticket is refused because another order holds it.
async fn assert_reserved(buyer: &Api, ticket: &TicketState) {
    let answer = try_order(buyer, ticket.id).await;
    let refused = (answer.status, answer.message());
    assert_eq!(refused, (400, "Ticket is already reserved"));
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

fn payment_of(order: &OrderView) -> Event {
    Event::PaymentCreated(PaymentState {
        id: new_id(),
        version: 1,
        order_id: order.id,
        charge_id: "ch_1".to_owned(),
        price: order.ticket.price,
        refund_id: None,
    })
}

/// The full refund of the payment.
fn refund_of(order: &OrderView) -> Event {
    let Event::PaymentCreated(paid) = payment_of(order) else {
        unreachable!("a payment was created")
    };
    Event::PaymentRefunded(PaymentState {
        version: 2,
        refund_id: Some("re_1".to_owned()),
        ..paid
    })
}

fn expiration_of(order: &OrderView) -> Event {
    Event::ExpirationComplete(ExpirationState {
        order_id: order.id,
        expires_at: order.expires_at,
    })
}

/// The state of the service's consumer at the broker, once it exists.
async fn consumer_state(app: &TestApp) -> Option<ConsumerState> {
    let stream = app.broker().jetstream().get_stream(app.broker().stream());
    let consumer = stream.await.unwrap().consumer_info("orders-service").await;
    let consumer = consumer.ok()?;
    Some(ConsumerState {
        idle: consumer.num_pending == 0 && consumer.num_ack_pending == 0,
        retrying: consumer.num_redelivered > 0,
    })
}

#[derive(Debug, Clone, Copy)]
struct ConsumerState {
    idle: bool,
    retrying: bool,
}

/// Waits until the service has handled every event and published the events that followed.
async fn settled(app: &TestApp) {
    eventually("every event is handled", async || {
        consumer_state(app).await.is_some_and(|state| state.idle)
    })
    .await;
    let orders = app.database().collection::<bson::Document>("orders");
    eventually("every outbox is empty", async || {
        let waiting = bson::doc! { "outbox.0": { "$exists": true } };
        orders.find_one(waiting).await.unwrap().is_none()
    })
    .await;
}

/// Waits until the broker has redelivered an event that the service returned.
async fn wait_for_retry(app: &TestApp) {
    eventually("an event is redelivered", async || {
        consumer_state(app)
            .await
            .is_some_and(|state| state.retrying)
    })
    .await;
}

/// Waits for the published cancellation of the order.
async fn published_cancellation(app: &TestApp, order: &OrderView) -> OrderState {
    let of_this = |event: &Event| event.entity_id() == order.id.to_string();
    match app.expect_event(Subject::OrderCancelled, of_this).await {
        Event::OrderCancelled(state) => state,
        other => panic!("{other:?}"),
    }
}
