//! The middleware around every service's routes.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base::Limits;
use base::origin::Origin;
use common::ErrorBody;
use telemetry::metrics::Metrics;
use tower::util::MapResponseLayer;
use tower_http::catch_panic::{CatchPanicLayer, DefaultResponseForPanic};
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};

use super::ApiError;
use super::admission::{Admission, Refusals, refused};
use super::idempotency::{Idempotency, IdempotencyLayer};
use super::observe::ObserveLayer;

/// The limit of a request's body, in bytes.
pub const BODY_LIMIT: usize = 100_000;

/// The header with a request's id, the same in all services that handle it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The error message for a write from another site.
pub(crate) const FROM_ANOTHER_SITE: &str = "Requests from another site are refused";

/// The routes of an API with the middleware of every service ([`site_stack`]). All errors have the contract's shape.
#[must_use]
pub fn stack(routes: Router, metrics: &Metrics) -> Admission {
    stack_with(routes, Limits::USUAL, None, metrics, None)
}

/// Like [`stack`], with these limits, and also for requests from pages of `origin`. With `idempotency`, POST requests
/// accept an `Idempotency-Key`.
#[must_use]
pub fn stack_with(
    routes: Router,
    limits: Limits,
    origin: Option<&Origin>,
    metrics: &Metrics,
    idempotency: Option<Idempotency>,
) -> Admission {
    let reshape = MapResponseLayer::new(contract_shape);
    let routes = routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::NotFound)
        .layer((outside(metrics), reshape, inside(origin, idempotency)));
    Admission::new(routes, Refusals::Contract, limits, metrics)
}

/// The routes of a site behind [`Limits`], with request ids, one log line per request, refusal of writes from other
/// sites, compression, and default security headers. `reshape` is the middleware that gives the errors of layers the
/// same shape as those of handlers. `origin` is the origin of the site's pages.
pub fn site_stack<F, A>(routes: Router, origin: &Origin, metrics: &Metrics, reshape: F) -> Admission
where
    F: Fn(Request, Next) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let reshape = middleware::from_fn(reshape);
    let refusals = Router::new().fallback(refused).layer(reshape.clone());
    let routes = routes.layer((outside(metrics), reshape, inside(Some(origin), None)));
    Admission::new(routes, Refusals::Shaped(refusals), Limits::USUAL, metrics)
}

/// Layers from the outside in. All layers are added in one call, because the router boxes all its routes again for each
/// call.
type Outside = (
    SetRequestIdLayer<RandomId>,
    ObserveLayer,
    PropagateRequestIdLayer,
    CompressionLayer,
);

/// The layers around `reshape`.
fn outside(metrics: &Metrics) -> Outside {
    (
        SetRequestIdLayer::new(REQUEST_ID, RandomId),
        ObserveLayer::new(metrics),
        PropagateRequestIdLayer::new(REQUEST_ID),
        CompressionLayer::new(),
    )
}

type Inside = (
    CatchPanicLayer<DefaultResponseForPanic>,
    CsrfLayer,
    DefaultBodyLimit,
    IdempotencyLayer,
);

/// The layers inside `reshape`, which can fail. Idempotency is innermost, so it stores results as endpoints return
/// them.
fn inside(origin: Option<&Origin>, idempotency: Option<Idempotency>) -> Inside {
    (
        CatchPanicLayer::new(),
        refuse_other_sites(origin),
        DefaultBodyLimit::max(BODY_LIMIT),
        IdempotencyLayer(idempotency),
    )
}

/// Refuses writes that a browser sends from another site than the request's own host or `origin`. Behind a proxy that
/// rewrites `Host`, only `origin` identifies our site.
fn refuse_other_sites(origin: Option<&Origin>) -> CsrfLayer {
    let layer = CsrfLayer::new();
    match origin {
        Some(origin) => layer
            .add_trusted_origin(origin.to_string())
            .expect("an origin is what browsers send"),
        None => layer,
    }
}

/// Generates the id of a request that has none.
#[derive(Debug, Clone, Copy)]
struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        let id = format!("{:032x}", rand::random::<u128>());
        id.try_into().ok().map(RequestId::new)
    }
}

/// Adds the security headers that are missing.
pub(super) fn add_security_headers(headers: &mut HeaderMap) {
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        // Responses depend on the user, so no shared cache may store them.
        (header::CACHE_CONTROL, "no-store"),
    ];
    headers.reserve(defaults.len());
    for (name, value) in defaults {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// Gives the contract's shape to error responses that come from a layer and not from a handler.
#[must_use]
pub fn contract_shape(response: impl IntoResponse) -> Response {
    let response = response.into_response();
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_error || is_json {
        return response;
    }
    match response.status() {
        StatusCode::FORBIDDEN => {
            let body = ErrorBody::message(FROM_ANOTHER_SITE);
            (StatusCode::FORBIDDEN, axum::Json(body)).into_response()
        }
        StatusCode::NOT_FOUND => ApiError::NotFound.into_response(),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge.into_response(),
        status if status.is_server_error() => {
            ApiError::Internal("a handler panicked".into()).into_response()
        }
        _ => ApiError::bad_request("Bad request").into_response(),
    }
}
