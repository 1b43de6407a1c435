//! The routes of the expiration service: it is spoken to by events, so there is next to nothing here.

mod health;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every route.
pub(crate) fn table() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(health::health))
}
