//! How long requests take, by route: the layer outside of all others that an admitted request goes through.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::metrics::catalogue::{HTTP_ACTIVE_REQUESTS, HTTP_REQUEST_DURATION};
use crate::metrics::{Gauges, Histograms, Metrics, Up};

/// What a request is said to be for which there is no route. Never its path, of which there is no end.
const UNMATCHED: &str = "unmatched";

/// Measures requests by the template of their route.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    durations: Histograms<3>,
    active: Gauges<1>,
}

impl Measured {
    pub(super) fn by(metrics: &Metrics) -> Self {
        Self {
            durations: metrics.histograms(&HTTP_REQUEST_DURATION),
            active: metrics.gauges(&HTTP_ACTIVE_REQUESTS),
        }
    }
}

impl<S> Layer<S> for Measured {
    type Service = MeasuredService<S>;

    fn layer(&self, inner: S) -> MeasuredService<S> {
        let measured = self.clone();
        MeasuredService { inner, measured }
    }
}

/// A service whose requests are measured.
#[derive(Debug, Clone)]
pub(super) struct MeasuredService<S> {
    inner: S,
    measured: Measured,
}

impl<S, B> Service<Request> for MeasuredService<S>
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
        let method = name_of(request.method());
        Answering {
            method,
            // A clone of it shares its text.
            route: request.extensions().get::<MatchedPath>().cloned(),
            durations: self.measured.durations.clone(),
            began: Instant::now(),
            active: self.measured.active.with([method]).up(),
            inner: self.inner.call(request),
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
        inner: F,
    }
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answered = ready!(this.inner.poll(context))?;
        let route = this.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let status = answered.status();
        let said = [*this.method, route, status.as_str()];
        this.durations.with(said).observe(this.began.elapsed());
        Poll::Ready(Ok(answered))
    }
}

/// The method as it is written, if it is one that HTTP knows: a client may send any word.
fn name_of(method: &Method) -> &'static str {
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
