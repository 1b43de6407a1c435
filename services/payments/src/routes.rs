//! The routes of the payments service.

mod error;
mod health;
pub(crate) mod pay;
mod webhook;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

/// Every route.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::health, pay::pay))
        .routes(routes!(webhook::webhook))
}
