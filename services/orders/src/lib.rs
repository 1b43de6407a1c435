//! The orders service: who reserved what, and until when.
//!
//! It owns orders and the reservations of tickets that they hold. It keeps replicas of tickets, and learns from events
//! that an order was paid, that its money went back, or that its time is over. It tells of its orders by `order:created` and `order:cancelled`,
//! and shows a buyer an order as it changes.

mod app;
mod config;
mod consumers;
pub mod domain;
mod feed;
mod measured;
mod routes;
#[cfg(feature = "simulation")]
pub mod simulation;
mod store;
mod watch;

use base::Definition;
use base::QueueGroup;
use common::Subject;

pub use app::build;
pub use config::Config;

/// The service's name.
pub const NAME: &str = "orders";

/// What the platform must know of it.
pub const DEFINITION: Definition = Definition {
    paths: &["/api/orders"],
    publishes: &[Subject::OrderCreated, Subject::OrderCancelled],
    queue_group: Some(QueueGroup {
        name: consumers::QUEUE_GROUP,
        subjects: consumers::Events::SUBJECTS,
    }),
    feed: feed::SUBJECTS,
    resyncs: true,
    // It is at the centre of the saga: what it does not publish or read, nobody needs.
    keeps_streams: true,
    ..Definition::new(NAME)
};

/// The description of the service's API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    web::openapi::describe(NAME, routes::table())
}
