//! The route table of the auth service.

mod current_user;
mod error;
mod follow_magic_link;
mod request_magic_link;
mod sign_in;
mod sign_out;
mod sign_up;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::openapi;

use crate::state::AppState;

/// All routes.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    openapi::routes("Accounts and sessions, by password or by a mailed link.")
        .routes(routes!(sign_up::sign_up))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_out::sign_out))
        .routes(routes!(current_user::current_user))
        .routes(routes!(request_magic_link::request_magic_link))
        .routes(routes!(follow_magic_link::follow_magic_link))
}
