//! The payments service: charges cards for orders, and refunds them.
//!
//! It owns one payment for each order. It replicates orders from their events, charges cards through Stripe, and
//! publishes `payment:created` and `payment:refunded`. It never decides whether an order is complete or cancelled; the
//! orders service does. If an order is cancelled, its charge is refunded.

// Stripe's objects nest deeply, so the compiler needs more steps to prove that futures holding them are `Send`.
#![recursion_limit = "256"]

mod app;
mod config;
mod consumers;
pub mod domain;
pub mod in_process;
mod metrics;
mod routes;
mod settlement;
mod state;
mod store;
pub mod stripe;

use base::{Definition, QueueGroup};
use common::Subject;

pub use app::build;
pub use config::Config;
pub use metrics::catalogue::METRICS;
pub use stripe::StripeConfig;

/// The service's name.
pub const NAME: &str = "payments";

/// What the platform knows about the service.
pub const DEFINITION: Definition = Definition {
    paths: &["/api/payments"],
    publishes: &[Subject::PaymentCreated, Subject::PaymentRefunded],
    queue_group: Some(QueueGroup {
        name: consumers::QUEUE_GROUP,
        subjects: consumers::OrderEvents::SUBJECTS,
    }),
    resyncs: true,
    ..Definition::new(NAME)
};

/// The OpenAPI document of the service.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    web::openapi::describe(NAME, routes::table())
}
