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

pub use app::build;
pub use config::Config;

/// The service's name.
pub const NAME: &str = "tickets";
