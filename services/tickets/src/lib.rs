//! The tickets service: tickets for sale.
//!
//! It owns the tickets: their titles, prices and sellers, and which order holds each of them. It consumes the events of
//! orders, publishes `ticket:created` and `ticket:updated`, and streams these changes to browsers.

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

use base::{Definition, Limits, QueueGroup};
use common::Subject;

pub use app::build;
pub use config::Config;
pub use metrics::METRICS;

/// The service's name.
pub const NAME: &str = "tickets";

/// What the platform knows about the service.
pub const DEFINITION: Definition = Definition {
    // The contract documents both spellings.
    paths: &["/api/tickets", "/api/ticket"],
    publishes: &[Subject::TicketCreated, Subject::TicketUpdated],
    queue_group: Some(QueueGroup {
        name: consumers::QUEUE_GROUP,
        subjects: consumers::OrderEvents::SUBJECTS,
    }),
    feed: feed::SUBJECTS,
    resyncs: true,
    // Most requests are reads, and concurrent reads share one query.
    limits: Limits {
        requests: 512,
        ..Limits::USUAL
    },
    ..Definition::new(NAME)
};

/// The OpenAPI description of the service's API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    web::openapi::describe(NAME, routes::table())
}
