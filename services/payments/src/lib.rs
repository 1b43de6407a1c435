//! The payments service: money for orders, and money given back.
//!
//! It owns payments, one an order. It learns of orders from their events, charges cards through Stripe, and tells of
//! its payments by `payment:created` and `payment:refunded`. It never decides whether an order is complete or
//! cancelled: the orders service does, and whatever was charged for an order that ended cancelled is refunded.

// Whether futures that hold Stripe's deeply nested objects may be sent takes many steps to find out.
#![recursion_limit = "256"]

mod app;
mod config;
mod consumers;
pub mod domain;
mod metrics;
mod routes;
mod settlement;
#[cfg(feature = "simulation")]
pub mod simulation;
mod store;
mod stripe;

use base::Definition;
use base::QueueGroup;
use common::Subject;

pub use app::build;
pub use config::Config;
pub use metrics::catalogue::METRICS;
pub use stripe::StripeConfig;

/// The service's name.
pub const NAME: &str = "payments";

/// What the platform must know of it.
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

/// The description of the service's API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    web::openapi::describe(NAME, routes::table())
}
