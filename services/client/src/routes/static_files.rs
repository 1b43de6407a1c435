//! Files at well-known paths.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect};

use crate::state::AppState;

/// `GET /robots.txt`
pub(super) async fn robots() -> impl IntoResponse {
    const RULES: &str = "User-agent: *\nDisallow: /api/\nDisallow: /auth/\nDisallow: /orders\n";
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], RULES)
}

/// `GET /favicon.ico`
pub(super) async fn favicon(State(state): State<AppState>) -> Redirect {
    Redirect::temporary(&state.shop.site.url("favicon.svg"))
}
