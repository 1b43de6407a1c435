//! The auth service: who has an account, and who is signed in.
//!
//! It owns accounts: their addresses and the hashes of their passwords, and the links that sign in by mail. It
//! publishes no events and listens to none: the other services know a user by the session cookie that is made here.

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

/// What the platform must know of it.
pub const DEFINITION: Definition = Definition {
    paths: &["/api/users"],
    ..Definition::new(NAME)
};

/// The description of the service's API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    web::openapi::describe(NAME, routes::table())
}
