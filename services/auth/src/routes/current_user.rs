//! `GET /api/users/currentuser`

use axum::Json;
use common::api::auth::CurrentUserView;
use web::session::CurrentUser;

/// Who is signed in, as the session says; `null` if nobody is.
#[utoipa::path(
    get, path = "/api/users/currentuser", tag = "users",
    responses((status = 200, description = "Who is signed in, if anybody is", body = CurrentUserView))
)]
pub(super) async fn current_user(CurrentUser(current_user): CurrentUser) -> Json<CurrentUserView> {
    Json(CurrentUserView { current_user })
}
