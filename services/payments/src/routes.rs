//! The URL table of the payments service.

mod error;
mod health;
pub(crate) mod pay;
mod webhook;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::openapi;

use crate::state::AppState;

/// Every route.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    openapi::routes("Payments for orders, through Stripe.")
        .routes(routes!(health::health, pay::pay))
        .routes(routes!(webhook::webhook))
}
