//! The route table.

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

use crate::state::AppState;

/// All routes.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    openapi::routes(
        "Orders for tickets. An order reserves its ticket until it is cancelled or expires.",
    )
    .routes(routes!(list::list, create::create))
    .routes(routes!(stream::stream))
    .routes(routes!(show::show, cancel::cancel))
}
