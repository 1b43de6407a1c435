//! What every other shared crate builds on: time, configuration, backoff, and what a service says about itself.
//!
//! This crate does no I/O, except that it reads environment variables and the files that they name.

pub mod backoff;
pub mod build_info;
pub mod clock;
pub mod config;
pub mod definition;
pub mod finish;
pub mod origin;

pub use build_info::BUILD_INFO;
pub use clock::Clock;
pub use config::{ConfigError, Environment};
pub use definition::{Definition, Limits, QueueGroup};
pub use origin::Origin;
