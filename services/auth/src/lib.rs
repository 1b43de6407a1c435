//! The auth service: accounts and sessions.
//!
//! It owns the accounts (email addresses and password hashes) and the magic links. It neither publishes nor consumes
//! events: the other services identify a user by the session cookie that this service issues.

mod accounts;
mod app;
mod client_address;
mod config;
pub mod domain;
mod limits;
mod magic_links;
mod mail;
mod metrics;
mod passwords;
mod rate_limit;
mod routes;
mod state;
mod store;

use base::Definition;

pub use app::build;
pub use client_address::TrustedProxies;
pub use config::Config;
pub use limits::RateLimitConfig;
pub use magic_links::MagicLinkConfig;
pub use mail::MailConfig;
pub use metrics::METRICS;
pub use passwords::PasswordConfig;
pub use rate_limit::Limit;

/// The service's name.
pub const NAME: &str = "auth";

/// What the platform knows about the service.
pub const DEFINITION: Definition = Definition {
    paths: &["/api/users"],
    ..Definition::new(NAME)
};

/// The description of the service's API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    web::openapi::describe(NAME, routes::table())
}
