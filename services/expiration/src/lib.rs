//! The expiration service: says when an order's time is over.
//!
//! It owns no data that matters: its jobs wait in Redis, and every one of them can be made again from the event
//! stream, which it reads at each start. It decides nothing about an order either: `expiration:complete` says that
//! the time is over, and the orders service knows whether that still means something.

mod app;
mod config;
mod consumers;
pub mod domain;
pub mod queue;
mod reschedule;
mod routes;
mod worker;

pub use app::build;
pub use config::Config;

/// The service's name.
pub const NAME: &str = "expiration";
