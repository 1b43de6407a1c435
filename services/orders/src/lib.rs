//! The orders service: who reserved what, and until when.
//!
//! It owns orders and the reservations of tickets that they hold. It keeps replicas of tickets, and learns from events
//! that an order was paid or that its time is over. It tells of its orders by `order:created` and `order:cancelled`,
//! and shows a buyer an order as it changes.

mod app;
mod config;
mod consumers;
pub mod domain;
mod feed;
mod routes;
#[cfg(feature = "simulation")]
pub mod simulation;
mod store;
mod watch;

pub use app::build;
pub use config::Config;

/// The service's name.
pub const NAME: &str = "orders";
