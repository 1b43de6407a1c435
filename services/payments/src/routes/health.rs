//! `GET /api/payments`

use axum::Json;
use common::api::auth::Empty;

/// Whether the service answers: the documented health check that goes through the ingress. Whether it is ready is
/// asked on the admin port.
#[utoipa::path(
    get, path = "/api/payments", tag = "payments",
    responses((status = 200, description = "It does", body = Empty))
)]
pub(super) async fn health() -> Json<Empty> {
    Json(Empty {})
}
