//! The expiration service: publishes an event when an order expires.
//!
//! It owns no durable data. Its jobs are in Redis and can all be recreated from the event stream, which it reads when
//! jobs are lost. It decides nothing about an order: `expiration:complete` says only that the order's time is over, and
//! the orders service decides what follows.

mod app;
mod board;
mod config;
mod consumers;
pub mod domain;
mod metrics;
pub mod queue;
mod reschedule;
mod worker;

use base::{Definition, QueueGroup};
use common::Subject;

pub use app::build;
pub use config::Config;
pub use metrics::catalogue::METRICS;

/// The service's name.
pub const NAME: &str = "expiration";

/// What the platform knows about the service.
pub const DEFINITION: Definition = Definition {
    admin_paths: board::PATHS,
    publishes: &[Subject::ExpirationComplete],
    queue_group: Some(QueueGroup {
        name: consumers::QUEUE_GROUP,
        subjects: consumers::OrderEvents::SUBJECTS,
    }),
    history: reschedule::SUBJECTS,
    ..Definition::new(NAME)
};
