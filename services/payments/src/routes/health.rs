//! `GET /api/payments`

use axum::Json;
use common::api::auth::Empty;

/// The documented health check that goes through the ingress. Readiness is on the admin port.
#[utoipa::path(
    get, path = "/api/payments", tag = "payments",
    responses((status = 200, description = "The service answers", body = Empty))
)]
pub(super) async fn health() -> Json<Empty> {
    Json(Empty {})
}
