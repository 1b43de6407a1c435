//! The middleware around every service's routes.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use common::ErrorBody;
use tower::ServiceBuilder;
use tower::util::MapResponseLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use super::ApiError;
use super::admission::{Admission, Limits, Refusals, refused};
use super::measured::Measured;
use super::trace::traced;
use crate::metrics::Metrics;

/// The longest body that is read, in bytes.
pub const BODY_LIMIT: usize = 100_000;

/// The id that a request carries through all services that work on it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a browser is told that sent something from another site.
pub(crate) const FROM_ANOTHER_SITE: &str = "Requests from another site are refused";

/// `routes` of an API with all that every service does around its handlers ([`around`]), and failures in the
/// contract's shape whatever made them.
pub fn stack(routes: Router, metrics: &Metrics) -> Router {
    stack_within(routes, Limits::USUAL, metrics)
}

/// As [`stack`], with other limits than the usual ones.
pub fn stack_within(routes: Router, limits: Limits, metrics: &Metrics) -> Router {
    let routes = routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::NotFound);
    within(routes, contract_shape, Refusals::Contract, limits, metrics)
}

/// `routes` behind their limits ([`Limits`]), with request ids, one log line a request, refusal of writes from other
/// sites, compression, and security headers where the handler set none. `reshape` is the middleware that gives failures
/// which a layer, and not a handler, answered the shape that is wanted.
pub fn around<F, A>(routes: Router, metrics: &Metrics, reshape: F) -> Router
where
    F: Fn(Request, Next) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let shaped = Router::new().fallback(refused);
    let shaped = Refusals::Shaped(shaped.layer(middleware::from_fn(reshape.clone())));
    within(routes, reshape, shaped, Limits::USUAL, metrics)
}

fn within<F, A>(
    routes: Router,
    reshape: F,
    refusals: Refusals,
    limits: Limits,
    metrics: &Metrics,
) -> Router
where
    F: Fn(Request, Next) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    // One layer made of all, from the outside in: each that a router is given boxes all its routes once more.
    let layers = ServiceBuilder::new()
        .layer(Measured::by(metrics))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(middleware::from_fn(traced))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(MapResponseLayer::new(secured))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(reshape))
        .layer(CatchPanicLayer::new())
        .layer(CsrfLayer::new())
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    let routes = routes.layer(layers);
    Router::new().fallback_service(Admission::new(routes, refusals, limits, metrics))
}

fn secured<B>(mut response: Response<B>) -> Response<B> {
    add_security_headers(response.headers_mut());
    response
}

/// Adds the security headers that are not there.
pub(super) fn add_security_headers(headers: &mut HeaderMap) {
    let usual = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        // Answers depend on who asks, so no cache between us and them may keep one.
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in usual {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// Gives the contract's shape to failures that a layer, and not a handler, answered.
async fn contract_shape(request: Request, next: Next) -> Response<Body> {
    let response = next.run(request).await;
    let is_failure = response.status().is_client_error() || response.status().is_server_error();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_failure || is_json {
        return response;
    }
    match response.status() {
        StatusCode::FORBIDDEN => {
            let body = ErrorBody::message(FROM_ANOTHER_SITE);
            (StatusCode::FORBIDDEN, axum::Json(body)).into_response()
        }
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge.into_response(),
        status if status.is_server_error() => {
            ApiError::Internal("a handler panicked".into()).into_response()
        }
        _ => ApiError::bad_request("Bad request").into_response(),
    }
}
