//! The routes of the expiration service: it is spoken to by events, so there is next to nothing here.

mod health;

use service::openapi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every route.
pub(crate) fn table() -> OpenApiRouter {
    openapi::routes("Says when an order's time is over. It is spoken to by events alone.")
        .routes(routes!(health::health))
}
