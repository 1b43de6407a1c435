//! The middleware around every service's routes.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use common::ErrorBody;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

use super::ApiError;

/// The longest body that is read, in bytes.
pub const BODY_LIMIT: usize = 100_000;

/// The longest that a request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How many requests are worked on at once; more are answered 503 at once.
const CONCURRENT_REQUESTS: usize = 1_024;

/// The id that a request carries through all services that work on it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// `routes` of an API with all that every service does around its handlers ([`around`]), and failures in the
/// contract's shape whatever made them.
pub fn stack(routes: Router) -> Router {
    let routes = routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::NotFound);
    around(routes, contract_shape)
}

/// `routes` with request ids, one log line a request, limits on bodies, time and concurrency, refusal of writes from
/// other sites, compression, and security headers where the handler set none. `reshape` is the middleware that gives
/// failures which a layer, and not a handler, answered the shape that is wanted.
pub fn around<F, A>(routes: Router, reshape: F) -> Router
where
    F: Fn(Request, Next) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(shed))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(CONCURRENT_REQUESTS));
    routes
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CsrfLayer::new())
        .layer(limits)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_TIMEOUT,
        ))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(reshape))
        .layer(CompressionLayer::new())
        .layer(security_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(security_header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(security_header(header::REFERRER_POLICY, "no-referrer"))
        .layer(security_header(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
        // Answers depend on who asks, so no cache between us and them may keep one.
        .layer(security_header(header::CACHE_CONTROL, "no-store"))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(request_span)
                .on_response(DefaultOnResponse::new().level(Level::INFO))
                .on_failure(()),
        )
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

fn security_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

async fn shed(error: tower::BoxError) -> ApiError {
    ApiError::Unavailable(error)
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
            let body = ErrorBody::message("Requests from another site are refused");
            (StatusCode::FORBIDDEN, axum::Json(body)).into_response()
        }
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge.into_response(),
        StatusCode::SERVICE_UNAVAILABLE => {
            ApiError::Unavailable("the request took too long".into()).into_response()
        }
        status if status.is_server_error() => {
            ApiError::Internal("a handler panicked".into()).into_response()
        }
        _ => ApiError::bad_request("Bad request").into_response(),
    }
}

fn request_span(request: &Request) -> Span {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    // Only the path: a query may hold the token of a magic link.
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), request.id = id)
}
