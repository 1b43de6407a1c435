//! The tickets service against real servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod broker_outage;
mod concurrency;
mod listing;
mod metrics;
mod orders;
mod own_tickets;
mod response_cache;
mod stream;
mod withdrawals;

use base::Clock;
use common::OrderStatus;
use common::api::tickets::TicketView;
use common::events::OrderState;
use mongo::new_id;
use serde_json::{Value, json};
use testkit::{Api, TestApp};

async fn start() -> TestApp {
    TestApp::new(tickets::NAME)
        .start(tickets::Config::read, tickets::build)
        .await
}

/// Puts a ticket up for sale.
async fn sell(seller: &Api, title: &str, price: Value) -> TicketView {
    let body = json!({ "title": title, "price": price });
    let answer = seller.post("/api/tickets", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    serde_json::from_value(answer.json).unwrap()
}

async fn show(api: &Api, ticket: &TicketView) -> TicketView {
    let answer = api.get(&format!("/api/tickets/{}", ticket.id)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_value(answer.json).unwrap()
}

fn now() -> common::Timestamp {
    Clock::system().now()
}

/// The state of a new order for the ticket.
fn order_of(ticket: &TicketView) -> OrderState {
    OrderState {
        id: new_id(),
        version: 0,
        status: OrderStatus::Created,
        user_id: new_id(),
        ticket_id: ticket.id,
        price: ticket.price,
        expires_at: now(),
        reason: None,
    }
}
