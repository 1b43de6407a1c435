//! Observability of requests: the duration by route, a span of the trace, and one log line per request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, Response, StatusCode};
use pin_project_lite::pin_project;
use telemetry::metrics::{Gauges, Histograms, Metrics, Up};
use telemetry::{TraceContext, has_collector};
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

use super::REQUEST_ID;
use crate::metrics::{HTTP_ACTIVE_REQUESTS, HTTP_REQUEST_DURATION};

/// The route label of a request that matches no route. Its path would make the number of labels unbounded.
const UNMATCHED: &str = "unmatched";

/// How much of a path is logged, in bytes: more than our longest path. Every log line of a request repeats it.
const LOGGED_PATH: usize = 256;

/// Handles each request within a span that continues the caller's trace, measures it and logs it. All log lines written
/// meanwhile have the span's fields.
#[derive(Debug, Clone)]
pub(super) struct ObserveLayer {
    durations: Histograms<3>,
    active: Gauges<1>,
}

impl ObserveLayer {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            durations: metrics.histograms(&HTTP_REQUEST_DURATION),
            active: metrics.gauges(&HTTP_ACTIVE_REQUESTS),
        }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe {
            inner,
            metrics: self.clone(),
        }
    }
}

/// The service that [`ObserveLayer`] makes.
#[derive(Debug, Clone)]
pub(super) struct Observe<S> {
    inner: S,
    metrics: ObserveLayer,
}

impl<S, B> Service<Request> for Observe<S>
where
    S: Service<Request, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ObserveFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let method = known_method(request.method());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let span = span_of(&request, method, route.as_ref());
        if let Some(caller) = TraceContext::of_request(request.headers()) {
            caller.set_as_parent_of(&span);
        }
        let ObserveLayer { durations, active } = &self.metrics;
        ObserveFuture {
            method,
            route,
            durations: durations.clone(),
            began: Instant::now(),
            active: active.with([method]).up(),
            response: span.in_scope(|| self.inner.call(request)).instrument(span),
        }
    }
}

pin_project! {
    /// A request that is being handled.
    pub(super) struct ObserveFuture<F> {
        method: &'static str,
        route: Option<MatchedPath>,
        durations: Histograms<3>,
        began: Instant,
        active: Up,
        #[pin]
        response: Instrumented<F>,
    }
}

impl<F, B, E> Future for ObserveFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let response = ready!(this.response.as_mut().poll(context))?;
        let (status, duration) = (response.status(), this.began.elapsed());
        let route = this.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let labels = [*this.method, route, status.as_str()];
        this.durations.with(labels).observe(duration);
        log(this.response.span(), status, duration);
        Poll::Ready(Ok(response))
    }
}

fn log(span: &Span, status: StatusCode, duration: Duration) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
    let duration = duration.as_secs_f64();
    span.in_scope(|| tracing::info!(http.server.request.duration = duration, "request answered"));
}

fn span_of(request: &Request, method: &str, route: Option<&MatchedPath>) -> Span {
    let route = route.map(MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID);
    let path = request.uri().path();
    // Only the path, because a query may contain the token of a magic link.
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.name = Empty,
        otel.status_code = Empty,
        "error.type" = Empty,
        http.request.method = method,
        http.route = route,
        url.path = &path[..path.floor_char_boundary(LOGGED_PATH)],
        url.scheme = "http",
        request.id = id.and_then(|id| id.to_str().ok()),
        http.response.status_code = Empty,
    );
    if has_collector() {
        match route {
            Some(route) => span.record("otel.name", format_args!("{method} {route}")),
            None => span.record("otel.name", method),
        };
    }
    span
}

/// The method's label. Clients may send any text as a method, so unknown ones share a label.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}
