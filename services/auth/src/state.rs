//! What the request handlers share.

use axum::extract::FromRef;
use web::session::Sessions;

use crate::accounts::Accounts;
use crate::client_address::TrustedProxies;
use crate::limits::RateLimits;
use crate::magic_links::MagicLinks;

/// The application state. Each handler extracts the parts that it needs.
#[derive(Clone, FromRef)]
pub(crate) struct AppState {
    pub(crate) sessions: Sessions,
    pub(crate) accounts: Accounts,
    pub(crate) magic_links: MagicLinks,
    pub(crate) limits: RateLimits,
    pub(crate) proxies: TrustedProxies,
}
