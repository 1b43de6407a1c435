//! The routes of the orders service.

pub(crate) mod cancel;
pub(crate) mod create;
mod error;
mod list;
mod show;
mod stream;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::openapi;

use crate::app::AppState;

/// Every route.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    openapi::routes(
        "Claims on tickets. An order holds its ticket until it is paid, given up or expired.",
    )
    .routes(routes!(list::list, create::create))
    .routes(routes!(stream::stream))
    .routes(routes!(show::show, cancel::cancel))
}
