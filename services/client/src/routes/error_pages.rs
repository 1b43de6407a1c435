//! Replaces error responses of the layers around the handlers: by pages, or by the contract's JSON under `/api`.

use axum::extract::{FromRequestParts, Request};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use web::contract_shape;

use crate::page::Visit;
use crate::state::AppState;

/// Replaces an error response that is not yet a page.
pub(super) async fn replace(state: AppState, request: Request, next: Next) -> Response {
    if is_api(request.uri().path()) {
        return contract_shape(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let visit = Visit::from_request_parts(&mut parts, &state)
        .await
        .unwrap_or_else(|never| match never {});
    let response = next.run(Request::from_parts(parts, body)).await;
    let status = response.status();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    visit.status_page(status)
}

/// Whether the path belongs to the API. Unknown API paths are routed here, and their clients expect JSON.
fn is_api(path: &str) -> bool {
    path.strip_prefix("/api")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
