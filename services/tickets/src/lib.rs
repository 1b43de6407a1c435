//! The tickets service: what is for sale.
//!
//! It owns tickets: their titles, prices, sellers, and which order holds each. Nobody else writes them. It learns
//! of orders from their events, and tells of its tickets by `ticket:created` and `ticket:updated`, which it also shows to
//! browsers as they happen.

mod app;
mod config;
mod consumers;
pub mod domain;
mod feed;
mod routes;
#[cfg(feature = "simulation")]
pub mod simulation;
mod store;

use base::Definition;
use base::Limits;
use base::QueueGroup;
use common::Subject;

pub use app::build;
pub use config::Config;

/// The service's name.
pub const NAME: &str = "tickets";

/// What the platform must know of it.
pub const DEFINITION: Definition = Definition {
    // Both documented spellings.
    paths: &["/api/tickets", "/api/ticket"],
    publishes: &[Subject::TicketCreated, Subject::TicketUpdated],
    queue_group: Some(QueueGroup {
        name: consumers::QUEUE_GROUP,
        subjects: consumers::OrderEvents::SUBJECTS,
    }),
    feed: feed::SUBJECTS,
    resyncs: true,
    // Most requests are reads, which wait for one query together.
    limits: Limits {
        requests: 512,
        ..Limits::USUAL
    },
    ..Definition::new(NAME)
};

/// The description of the service's API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    web::openapi::describe(NAME, routes::table())
}
