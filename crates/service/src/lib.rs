//! What every service shares and that has effects.
//!
//! Configuration, logs, the HTTP stack, sessions, MongoDB, messaging and the lifecycle of a process. A service is
//! what remains: its domain, its documents, its routes and what it does with events. This crate knows no ticket
//! and no order.

pub mod admin;
pub mod app;
pub mod backoff;
pub mod batched;
pub mod build_info;
pub mod clock;
mod command_line;
pub mod config;
pub mod definition;
pub mod description;
mod finish;
pub mod grouped;
pub mod http;
mod joint;
pub mod kept;
pub mod lifecycle;
pub mod messaging;
pub mod metrics;
pub mod mongo;
pub mod openapi;
pub mod origin;
pub mod patience;
pub mod session;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod telemetry;

pub use app::App;
pub use build_info::BUILD_INFO;
pub use clock::Clock;
pub use config::{ConfigError, Environment};
pub use definition::{Definition, QueueGroup};
pub use http::ApiError;
pub use lifecycle::launch;
pub use origin::Origin;
