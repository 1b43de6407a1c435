//! The routes of the tickets service.

pub(crate) mod create;
mod error;
pub(crate) mod list;
mod mine;
pub(crate) mod show;
mod stream;
pub(crate) mod update;
mod view;
pub(crate) mod withdraw;

use axum::routing::{get, post};
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::openapi;

use crate::app::AppState;

/// The other documented spellings: the method, the path and how it is spelled too.
const ALIASES: [(HttpMethod, &str, &str); 5] = [
    (HttpMethod::Post, "/api/tickets", "/api/ticket/create"),
    (HttpMethod::Get, "/api/tickets", "/api/ticket/getall"),
    (HttpMethod::Get, "/api/tickets/{id}", "/api/ticket/{id}"),
    (HttpMethod::Put, "/api/tickets/{id}", "/api/ticket/{id}"),
    (HttpMethod::Delete, "/api/tickets/{id}", "/api/ticket/{id}"),
];

/// Every route; `/api/ticket/…` is the other documented spelling of the same.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    let table = openapi::routes("What is for sale.")
        .routes(routes!(list::list, create::create))
        .routes(routes!(mine::mine))
        .routes(routes!(stream::stream))
        .routes(routes!(show::show, update::update, withdraw::withdraw))
        .route("/api/ticket/create", post(create::create))
        .route("/api/ticket/getall", get(list::list))
        .route(
            "/api/ticket/{id}",
            get(show::show)
                .put(update::update)
                .delete(withdraw::withdraw),
        );
    ALIASES.iter().fold(table, |table, (method, path, alias)| {
        openapi::alias(table, method, path, alias)
    })
}
