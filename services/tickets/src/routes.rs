//! The routes of the tickets service.

pub(crate) mod create;
mod error;
mod list;
mod mine;
mod show;
mod stream;
pub(crate) mod update;
mod view;

use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

/// Every route; `/api/ticket/…` is the other documented spelling of the same.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(mine::mine))
        .routes(routes!(stream::stream))
        .routes(routes!(show::show, update::update))
        .route("/api/ticket/create", post(create::create))
        .route("/api/ticket/getall", get(list::list))
        .route("/api/ticket/{id}", get(show::show).put(update::update))
}
