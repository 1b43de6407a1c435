//! The shared mechanisms, each on its own.

mod config;
mod http;
mod lifecycle;
mod messaging;
mod session;
mod toy;
