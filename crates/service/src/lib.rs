//! Assembles a service from the shared crates: routes, consumers, relay, admin port, and the process lifecycle.

pub mod admin;
pub mod app;
mod command_line;
pub mod description;
pub mod lifecycle;

pub use app::App;
pub use lifecycle::launch;
