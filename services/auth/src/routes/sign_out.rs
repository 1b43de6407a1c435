//! `POST /api/users/signout`

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use common::api::auth::Empty;
use web::session::Sessions;

/// Signs out. It succeeds without a session, too.
#[utoipa::path(
    post, path = "/api/users/signout", tag = "users",
    responses((status = 200, description = "Signed out; `Set-Cookie` removes the session", body = Empty,
        headers(("Set-Cookie" = String, description = "Removes the session"))))
)]
pub(super) async fn sign_out(State(sessions): State<Sessions>) -> impl IntoResponse {
    ([(header::SET_COOKIE, sessions.clear())], Json(Empty {}))
}
