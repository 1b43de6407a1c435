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

use crate::app::AppState;

/// Every route.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(stream::stream))
        .routes(routes!(show::show, cancel::cancel))
}
