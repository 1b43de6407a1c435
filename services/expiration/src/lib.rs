//! The expiration service: says when an order's time is over.
//!
//! It owns no data that matters: its jobs wait in Redis, and every one of them can be made again from the event
//! stream, which it reads when they are lost. It decides nothing about an order either: `expiration:complete` says that
//! the time is over, and the orders service knows whether that still means something.

mod app;
mod board;
mod config;
mod consumers;
pub mod domain;
mod metrics;
pub mod queue;
mod reschedule;
mod worker;

use base::Definition;
use base::QueueGroup;
use common::Subject;

pub use app::build;
pub use config::Config;
pub use metrics::catalogue::METRICS;

/// The service's name.
pub const NAME: &str = "expiration";

/// What the platform must know of it.
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
