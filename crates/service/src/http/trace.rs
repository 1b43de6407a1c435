//! Each request is a span of a trace, and a line in the log once it was answered.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, Response};
use axum::middleware::Next;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::REQUEST_ID;
use crate::telemetry::TraceContext;

/// Answers the request within its span, which goes on from whoever asked, and tells of it. The fields of the span stand
/// in every line that is written meanwhile.
pub(super) async fn traced(request: Request, next: Next) -> Response<Body> {
    let span = span_of(&request);
    if let Some(caller) = TraceContext::of_request(request.headers()) {
        caller.caused(&span);
    }
    let begun = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
    let duration = begun.elapsed().as_secs_f64();
    span.in_scope(|| tracing::info!(http.server.request.duration = duration, "request answered"));
    response
}

fn span_of(request: &Request) -> Span {
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map(MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID);
    // Only the path: a query may hold the token of a magic link.
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.name = Empty,
        otel.status_code = Empty,
        "error.type" = Empty,
        http.request.method = method,
        http.route = route,
        url.path = request.uri().path(),
        url.scheme = "http",
        request.id = id.and_then(|id| id.to_str().ok()),
        http.response.status_code = Empty,
    );
    match route {
        Some(route) => span.record("otel.name", format_args!("{method} {route}")),
        None => span.record("otel.name", method),
    };
    span
}

/// The method, if it is one that everybody knows: anybody may ask in others, as many as one likes.
pub(crate) fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
