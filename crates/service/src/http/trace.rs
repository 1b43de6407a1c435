//! Each request is a span of a trace, and a line in the log once it was answered.

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
use crate::telemetry::{TraceContext, has_collector};

/// Answers each request within its span, which goes on from whoever asked, and tells of it. The fields of the span stand
/// in every line that is written meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traced;

impl<S> Layer<S> for Traced {
    type Service = TracedService<S>;

    fn layer(&self, inner: S) -> TracedService<S> {
        TracedService(inner)
    }
}

/// A service whose requests are traced.
#[derive(Debug, Clone)]
pub(super) struct TracedService<S>(S);

impl<S, B> Service<Request> for TracedService<S>
where
    S: Service<Request, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let span = span_of(&request);
        if let Some(caller) = TraceContext::of_request(request.headers()) {
            caller.caused(&span);
        }
        let began = Instant::now();
        let answer = span.in_scope(|| self.0.call(request));
        Answering {
            answer: answer.instrument(span),
            began,
        }
    }
}

pin_project! {
    /// A request that is being answered.
    pub(super) struct Answering<F> {
        #[pin]
        answer: Instrumented<F>,
        began: Instant,
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
        tell(this.answer.span(), answered.status(), this.began.elapsed());
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
    if has_collector() {
        match route {
            Some(route) => span.record("otel.name", format_args!("{method} {route}")),
            None => span.record("otel.name", method),
        };
    }
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
