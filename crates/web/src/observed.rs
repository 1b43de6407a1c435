//! What is told of a request: how long it took, by route; the span of a trace; and a line in the log once it was answered.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, Response, StatusCode};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

use super::REQUEST_ID;
use crate::metrics::{HTTP_ACTIVE_REQUESTS, HTTP_REQUEST_DURATION};
use telemetry::metrics::{Gauges, Histograms, Metrics, Up};
use telemetry::{TraceContext, has_collector};

/// What a request is said to be for which there is no route. Never its path, of which there is no end.
const UNMATCHED: &str = "unmatched";

/// How much of a path is logged, in bytes: more than any path of ours has. It is repeated in every line of a request.
const LOGGED_PATH: usize = 256;

/// Answers each request within its span, which goes on from whoever asked, measures it and tells of it. The fields of the
/// span stand in every line that is written meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    durations: Histograms<3>,
    active: Gauges<1>,
}

impl Observed {
    pub(super) fn by(metrics: &Metrics) -> Self {
        Self {
            durations: metrics.histograms(&HTTP_REQUEST_DURATION),
            active: metrics.gauges(&HTTP_ACTIVE_REQUESTS),
        }
    }
}

impl<S> Layer<S> for Observed {
    type Service = ObservedService<S>;

    fn layer(&self, inner: S) -> ObservedService<S> {
        let observed = self.clone();
        ObservedService { inner, observed }
    }
}

/// A service whose requests are told of.
#[derive(Debug, Clone)]
pub(super) struct ObservedService<S> {
    inner: S,
    observed: Observed,
}

impl<S, B> Service<Request> for ObservedService<S>
where
    S: Service<Request, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let method = known(request.method());
        // A clone of it shares its text.
        let route = request.extensions().get::<MatchedPath>().cloned();
        let span = span_of(&request, method, route.as_ref());
        if let Some(caller) = TraceContext::of_request(request.headers()) {
            caller.set_as_parent_of(&span);
        }
        let Observed { durations, active } = &self.observed;
        Answering {
            method,
            route,
            durations: durations.clone(),
            began: Instant::now(),
            active: active.with([method]).up(),
            answer: span.in_scope(|| self.inner.call(request)).instrument(span),
        }
    }
}

pin_project! {
    /// A request that is being answered.
    pub(super) struct Answering<F> {
        method: &'static str,
        route: Option<MatchedPath>,
        durations: Histograms<3>,
        began: Instant,
        active: Up,
        #[pin]
        answer: Instrumented<F>,
    }
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let answered = ready!(this.answer.as_mut().poll(context))?;
        let (status, took) = (answered.status(), this.began.elapsed());
        let route = this.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let said = [*this.method, route, status.as_str()];
        this.durations.with(said).observe(took);
        tell(this.answer.span(), status, took);
        Poll::Ready(Ok(answered))
    }
}

fn tell(span: &Span, status: StatusCode, took: Duration) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
    let duration = took.as_secs_f64();
    span.in_scope(|| tracing::info!(http.server.request.duration = duration, "request answered"));
}

fn span_of(request: &Request, method: &str, route: Option<&MatchedPath>) -> Span {
    let route = route.map(MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID);
    let path = request.uri().path();
    // Only the path: a query may hold the token of a magic link.
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

/// The method as it is written, if it is one that HTTP knows: a client may send any word.
fn known(method: &Method) -> &'static str {
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
