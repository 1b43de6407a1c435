//! The expiration service against real servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod backlog;
mod board;
mod config;
mod crash;
mod fixture;
mod history;
mod long_history;
mod metrics;
mod punctuality;

use std::time::Duration;

use base::Clock;
use common::events::{OrderState, PaymentState};
use common::id::kind;
use common::{Event, Id, OrderStatus, Price, Timestamp};
use expiration::queue::Job;
use mongo::new_id;
use testkit::TestApp;

async fn start() -> TestApp {
    TestApp::new(expiration::NAME)
        .start(expiration::Config::read, expiration::build)
        .await
}

fn now() -> Timestamp {
    Clock::system().now()
}

fn in_milliseconds(milliseconds: u64) -> Timestamp {
    now().plus(Duration::from_millis(milliseconds))
}

fn order_expiring_at(expires_at: Timestamp) -> OrderState {
    OrderState {
        id: new_id(),
        version: 0,
        status: OrderStatus::Created,
        user_id: new_id(),
        ticket_id: new_id(),
        price: Price::from_cents(2_000).unwrap(),
        expires_at,
        reason: None,
    }
}

fn job_at(expires_at: Timestamp) -> Job {
    Job {
        order_id: new_id(),
        expires_at,
    }
}

fn paid(order_id: Id<kind::Order>) -> Event {
    Event::PaymentCreated(PaymentState {
        id: new_id(),
        version: 0,
        order_id,
        charge_id: "ch_1".to_owned(),
        price: Price::from_cents(2_000).unwrap(),
        refund_id: None,
    })
}

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
