//! Admission control: which requests are handled, and which are refused with 503.
//!
//! A service that accepts more requests than it can handle answers none of them in time. So the number of concurrent
//! requests is limited, such that they are answered while their clients still wait. The rest is shed at once, before it
//! costs a log line, a route or a query: under overload there are many refusals for each response.
//!
//! - A short burst may wait, a lasting overload may not: queueing only delays responses without serving more of them.
//!   So there is a small queue, which closes when no request was admitted without waiting for a while (controlled
//!   delay, as in <https://queue.acm.org/detail.cfm?id=2839461>).
//! - A request takes a permit only after its body has arrived, so slow senders hold none.
//! - A request that was begun is finished even if its client hangs up, and holds its permit until then. Aborting it
//!   would cost a database connection and could leave a write whose outcome is unknown.
//! - Opening event streams has separate permits, so that live pages keep working under overload.

mod bodies;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base::Limits;
use base::finish::{Panicked, run_to_completion};
use futures::future::BoxFuture;
use telemetry::metrics::{Counters, Histogram, Metrics};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tower::{Service, ServiceExt};

use super::ApiError;
use super::normalize::normalize;
use super::stack::add_security_headers;
use super::throttled_log::ThrottledLog;
use crate::metrics::{HTTP_ADMISSION_WAIT, HTTP_REFUSED_REQUESTS};
use bodies::Bodies;

/// Why a request got no response from its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No permit is free.
    Overloaded,
    /// The body is too large.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body broke off.
    BodyUnreadable,
    /// The handler did not respond in time.
    TookTooLong,
    /// A layer panicked. (Panics of handlers are caught inside.)
    Panicked,
}

/// Routes behind admission control.
#[derive(Clone)]
pub struct Admission(Arc<Gate>);

struct Gate {
    limits: Limits,
    requests: Arc<Semaphore>,
    waiting: Semaphore,
    /// When a request was last admitted without waiting.
    last_free: Mutex<Instant>,
    openings: Arc<Semaphore>,
    bodies: Bodies,
    shed: ThrottledLog,
    refused: Counters<1>,
    waited: Histogram,
    routes: Router,
    refusals: Refusals,
}

/// The form of refusals.
#[derive(Debug, Clone)]
pub(super) enum Refusals {
    /// The contract's shape.
    Contract,
    /// The response of these routes ([`refused`]), whatever the request's path.
    Shaped(Router),
}

/// The error with which a request was refused.
pub(super) async fn refused(Extension(refusal): Extension<Refusal>) -> ApiError {
    refusal.into()
}

impl Refusals {
    /// A copy of the request's head, if a refusal of the request would need it.
    fn copy_of(&self, request: &Parts) -> Option<Parts> {
        match self {
            Self::Contract => None,
            Self::Shaped(_) => Some(request.clone()),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Overloaded => Self::Overloaded,
            Refusal::BodyTooLarge => Self::BodyTooLarge,
            Refusal::BodyTooSlow => Self::BodyTooSlow,
            Refusal::BodyUnreadable => Self::Unreadable("Request body could not be read"),
            Refusal::TookTooLong => Self::Unavailable("the request took too long".into()),
            Refusal::Panicked => Self::Internal("a request panicked".into()),
        }
    }
}

impl Refusal {
    /// The label in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyUnreadable => "body_unreadable",
            Self::TookTooLong => "took_too_long",
            Self::Panicked => "panicked",
        }
    }
}

impl Admission {
    pub(super) fn new(
        routes: Router,
        refusals: Refusals,
        limits: Limits,
        metrics: &Metrics,
    ) -> Self {
        Self(Arc::new(Gate {
            requests: Arc::new(Semaphore::new(limits.requests)),
            waiting: Semaphore::new(limits.waiting),
            last_free: Mutex::new(Instant::now()),
            openings: Arc::new(Semaphore::new(limits.openings)),
            bodies: Bodies::new(&limits),
            shed: ThrottledLog::default(),
            refused: metrics.counters(&HTTP_REFUSED_REQUESTS),
            waited: metrics.histogram(&HTTP_ADMISSION_WAIT),
            limits,
            routes,
            refusals,
        }))
    }
}

impl Gate {
    async fn respond(&self, request: Request) -> Response {
        let mut response = self.respond_or_refuse(request).await;
        add_security_headers(response.headers_mut());
        response
    }

    async fn respond_or_refuse(&self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        normalize(&mut parts);
        let admitted = match self.bodies.receive(&parts.headers, body).await {
            Ok(body) => {
                let permit = self.admit(&parts.headers).await;
                permit.map(|permit| (body, permit))
            }
            Err(refusal) => Err(refusal),
        };
        let (body, permit) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return self.refuse(Some(parts), refusal).await,
        };
        let head = self.refusals.copy_of(&parts);
        let handling = self
            .routes
            .clone()
            .oneshot(Request::from_parts(parts, body));
        let working = run_to_completion(async move {
            let response = handling.await;
            drop(permit);
            response.unwrap_or_else(|never| match never {})
        });
        match timeout(self.limits.request_time, working).await {
            Ok(Ok(response)) => response,
            Ok(Err(Panicked)) => self.refuse(head, Refusal::Panicked).await,
            Err(_) => self.refuse(head, Refusal::TookTooLong).await,
        }
    }

    async fn admit(&self, headers: &HeaderMap) -> Result<OwnedSemaphorePermit, Refusal> {
        if opens_stream(headers) {
            let permit = Arc::clone(&self.openings).try_acquire_owned();
            return permit.map_err(|_| Refusal::Overloaded);
        }
        if let Ok(permit) = Arc::clone(&self.requests).try_acquire_owned() {
            *self.last_free() = Instant::now();
            return Ok(permit);
        }
        let limit = self.limits.queue_timeout;
        if self.last_free().elapsed() > limit {
            return Err(Refusal::Overloaded);
        }
        let _waiting = self
            .waiting
            .try_acquire()
            .map_err(|_| Refusal::Overloaded)?;
        let began = Instant::now();
        let permit = timeout(limit, Arc::clone(&self.requests).acquire_owned()).await;
        self.waited.observe(began.elapsed());
        let permit = permit.map_err(|_| Refusal::Overloaded)?;
        Ok(permit.expect("the semaphore is never closed"))
    }

    fn last_free(&self) -> MutexGuard<'_, Instant> {
        self.last_free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn refuse(&self, head: Option<Parts>, refusal: Refusal) -> Response {
        self.refused.with([refusal.as_str()]).increment();
        if refusal == Refusal::Overloaded {
            self.shed.record(|requests| {
                tracing::warn!(requests, "overloaded, requests shed");
            });
        }
        match &self.refusals {
            Refusals::Contract => ApiError::from(refusal).into_response(),
            Refusals::Shaped(routes) => {
                let request = head.map(|head| Request::from_parts(head, Body::empty()));
                let mut request = request.unwrap_or_default();
                request.extensions_mut().insert(refusal);
                let response = routes.clone().oneshot(request).await;
                response.unwrap_or_else(|never| match never {})
            }
        }
    }
}

impl Service<Request> for Admission {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let gate = Arc::clone(&self.0);
        Box::pin(async move { Ok(gate.respond(request).await) })
    }
}

/// Whether the request opens an event stream, by the header that browsers send for it. A client that sends it with
/// another request only competes for the few permits of streams.
fn opens_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .is_some_and(|accepted| accepted.as_bytes() == b"text/event-stream")
}
