//! The orders service: who reserved which ticket, and until when.
//!
//! It owns orders and their reservations, and keeps replicas of tickets. Events tell it that an order was paid,
//! refunded or has expired. It publishes `order:created` and `order:cancelled`, and streams the changes of an order to
//! its buyer.

mod app;
mod config;
mod consumers;
pub mod domain;
mod feed;
pub mod in_process;
mod metrics;
mod routes;
mod state;
mod store;
mod watch;

use base::{Definition, QueueGroup};
use common::Subject;

pub use app::build;
pub use config::Config;
pub use metrics::catalogue::METRICS;

/// The service's name.
pub const NAME: &str = "orders";

/// What the platform knows about the service.
pub const DEFINITION: Definition = Definition {
    paths: &["/api/orders"],
    publishes: &[Subject::OrderCreated, Subject::OrderCancelled],
    queue_group: Some(QueueGroup {
        name: consumers::QUEUE_GROUP,
        subjects: consumers::Events::SUBJECTS,
    }),
    feed: feed::SUBJECTS,
    resyncs: true,
    // It takes part in every step of the saga, so it knows every subject.
    updates_streams: true,
    ..Definition::new(NAME)
};

/// The OpenAPI description of the service's API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    web::openapi::describe(NAME, routes::table())
}
