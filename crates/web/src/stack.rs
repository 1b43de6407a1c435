//! The middleware around every service's routes.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use common::ErrorBody;
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
use super::observed::Observed;
use base::Limits;
use base::origin::Origin;
use telemetry::metrics::Metrics;

/// The longest body that is read, in bytes.
pub const BODY_LIMIT: usize = 100_000;

/// The id that a request carries through all services that work on it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a browser is told that sent something from another site.
pub(crate) const FROM_ANOTHER_SITE: &str = "Requests from another site are refused";

/// `routes` of an API with all that every service does around its handlers ([`around`]), and failures in the
/// contract's shape whatever made them.
#[must_use]
pub fn stack(routes: Router, metrics: &Metrics) -> Admission {
    stack_within(routes, Limits::USUAL, None, metrics)
}

/// As [`stack`], with other limits than the usual ones, for requests from the pages of `origin` as well.
#[must_use]
pub fn stack_within(
    routes: Router,
    limits: Limits,
    origin: Option<&Origin>,
    metrics: &Metrics,
) -> Admission {
    stack_with(routes, limits, origin, metrics, None)
}

/// As [`stack_within`]; POST requests take an `Idempotency-Key` if the service keeps such keys.
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

/// `routes` behind their limits ([`Limits`]), with request ids, one log line a request, refusal of writes from other
/// sites, compression, and security headers where the handler set none. `reshape` is the middleware that gives failures
/// which a layer, and not a handler, answered the shape that is wanted. `origin` is that of the site's pages.
pub fn around<F, A>(routes: Router, origin: &Origin, metrics: &Metrics, reshape: F) -> Admission
where
    F: Fn(Request, Next) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let reshape = middleware::from_fn(reshape);
    let refusals = Router::new().fallback(refused).layer(reshape.clone());
    let routes = routes.layer((outside(metrics), reshape, inside(Some(origin), None)));
    Admission::new(routes, Refusals::Shaped(refusals), Limits::USUAL, metrics)
}

/// Layers from the outside in. They are given to the router as one with what is inside of them: for each layer that it is
/// given a router boxes all its routes once more.
type Outside = (
    SetRequestIdLayer<RandomId>,
    Observed,
    PropagateRequestIdLayer,
    CompressionLayer,
);

/// What is around whatever gives failures their shape.
fn outside(metrics: &Metrics) -> Outside {
    (
        SetRequestIdLayer::new(REQUEST_ID, RandomId),
        Observed::by(metrics),
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

/// What fails by itself. Results are stored as the endpoints give them, so keys are innermost.
fn inside(origin: Option<&Origin>, idempotency: Option<Idempotency>) -> Inside {
    (
        CatchPanicLayer::new(),
        refuse_other_sites(origin),
        DefaultBodyLimit::max(BODY_LIMIT),
        IdempotencyLayer(idempotency),
    )
}

/// Refuses writes that a browser sends from another site: neither from the request's own host nor from `origin`. Behind
/// a proxy that rewrites `Host`, only `origin` says which site is ours.
fn refuse_other_sites(origin: Option<&Origin>) -> CsrfLayer {
    let layer = CsrfLayer::new();
    match origin {
        Some(origin) => layer
            .add_trusted_origin(origin.to_string())
            .expect("an origin is what browsers send"),
        None => layer,
    }
}

/// Gives an id to a request that came without one.
#[derive(Debug, Clone, Copy)]
struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        let id = format!("{:032x}", rand::random::<u128>());
        id.try_into().ok().map(RequestId::new)
    }
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
    headers.reserve(usual.len());
    for (name, value) in usual {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// Gives the contract's shape to failures that a layer, and not a handler, answered.
#[must_use]
pub fn contract_shape(response: impl IntoResponse) -> Response {
    let response = response.into_response();
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
        StatusCode::NOT_FOUND => ApiError::NotFound.into_response(),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge.into_response(),
        status if status.is_server_error() => {
            ApiError::Internal("a handler panicked".into()).into_response()
        }
        _ => ApiError::bad_request("Bad request").into_response(),
    }
}
