//! `GET /api/expiration`

use axum::Json;
use common::api::auth::Empty;

/// Whether the service answers. Whether it is ready is asked on the admin port.
#[utoipa::path(
    get, path = "/api/expiration", tag = "expiration",
    responses((status = 200, description = "It does", body = Empty))
)]
pub(super) async fn health() -> Json<Empty> {
    Json(Empty {})
}
