//! The route table.

pub(crate) mod create;
mod error;
mod list;
mod mine;
mod show;
mod stream;
pub(crate) mod update;
mod view;
pub(crate) mod withdraw;

use axum::routing::{get, post};
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::openapi;

use crate::state::AppState;

/// The alternative spellings that the contract documents: method, path, alternative path.
const ALIASES: [(HttpMethod, &str, &str); 5] = [
    (HttpMethod::Post, "/api/tickets", "/api/ticket/create"),
    (HttpMethod::Get, "/api/tickets", "/api/ticket/getall"),
    (HttpMethod::Get, "/api/tickets/{id}", "/api/ticket/{id}"),
    (HttpMethod::Put, "/api/tickets/{id}", "/api/ticket/{id}"),
    (HttpMethod::Delete, "/api/tickets/{id}", "/api/ticket/{id}"),
];

/// All routes, also under their alternative spellings.
pub(crate) fn table() -> OpenApiRouter<AppState> {
    let table = openapi::routes("Tickets for sale.")
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
