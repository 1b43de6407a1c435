//! `GET /api/users/currentuser`

use axum::Json;
use common::api::auth::CurrentUserView;
use web::session::CurrentUser;

/// Returns the signed-in user, or `null` without a session.
#[utoipa::path(
    get, path = "/api/users/currentuser", tag = "users",
    responses((status = 200, description = "The signed-in user, or `null`", body = CurrentUserView))
)]
pub(super) async fn current_user(CurrentUser(current_user): CurrentUser) -> Json<CurrentUserView> {
    Json(CurrentUserView { current_user })
}
