//! The foundation of the other shared crates: clock, configuration, backoff, and definitions of services.
//!
//! This crate does no I/O, except for reading environment variables and the files that they name.

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
