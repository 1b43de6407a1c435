//! Admission: what is let in to be worked on, and what is told to come back later.
//!
//! A service that takes on more than it can do answers nobody in time. So a bounded number of requests is worked on at
//! once, such that those are answered while their clients still wait, and the rest is refused at once, before anything
//! was spent on it: no log line, no route, no database. A refusal must cost next to nothing, since under a storm there
//! are many of them for each answer.
//!
//! - A crowd that comes at once may wait a moment, an overload that lasts may not: who waits is only answered later, and
//!   nobody is served more. So there is a small waiting room, which is closed when no place was free for a while
//!   (controlled delay, as in <https://queue.acm.org/detail.cfm?id=2839461>).
//! - A request is received whole before it takes a place, so that a slow sender takes none.
//! - What is begun is finished, also when its client hangs up: giving up half way costs the database a connection, and
//!   what is written half way would only have to be found out about later. It keeps its place as long.
//! - Event streams are opened in places of their own: a page that shows what happens must not go blind in a storm.

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
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tower::{Service, ServiceExt};

use super::ApiError;
use super::normalize::normalize;
use super::occurrences::Occurrences;
use super::stack::add_security_headers;
use crate::metrics::{HTTP_ADMISSION_WAIT, HTTP_REFUSED_REQUESTS};
use base::Limits;
use base::finish::{Panicked, run_to_completion};
use bodies::Bodies;
use telemetry::metrics::{Counters, Histogram, Metrics};

/// Why a request got no answer from its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// All places are taken.
    Overloaded,
    /// The body is too long.
    BodyTooLarge,
    /// The body did not come in time.
    BodyTooSlow,
    /// The body broke off.
    BodyUnreadable,
    /// The handler did not answer in time.
    TookTooLong,
    /// It panicked, though panics of handlers are caught inside.
    Panicked,
}

/// Routes behind their limits, and all that is around them.
#[derive(Clone)]
pub struct Admission(Arc<Gate>);

struct Gate {
    limits: Limits,
    requests: Arc<Semaphore>,
    waiting: Semaphore,
    /// When a request found a place free.
    free: Mutex<Instant>,
    openings: Arc<Semaphore>,
    bodies: Bodies,
    shed: Occurrences,
    refused: Counters<1>,
    waited: Histogram,
    routes: Router,
    refusals: Refusals,
}

/// How refusals are told.
#[derive(Debug, Clone)]
pub(super) enum Refusals {
    /// In the contract's shape.
    Contract,
    /// As these routes tell them ([`refused`]), whatever the request's path.
    Shaped(Router),
}

/// The failure that a request was refused with.
pub(super) async fn refused(Extension(refusal): Extension<Refusal>) -> ApiError {
    refusal.into()
}

impl Refusals {
    /// What they tell a refusal by, should this request end in one: nothing of it, or all but its body.
    fn needed_of(&self, request: &Parts) -> Option<Parts> {
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
    /// The reason as metrics have it.
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
            free: Mutex::new(Instant::now()),
            openings: Arc::new(Semaphore::new(limits.openings)),
            bodies: Bodies::new(&limits),
            shed: Occurrences::default(),
            refused: metrics.counters(&HTTP_REFUSED_REQUESTS),
            waited: metrics.histogram(&HTTP_ADMISSION_WAIT),
            limits,
            routes,
            refusals,
        }))
    }
}

impl Gate {
    async fn answer(&self, request: Request) -> Response {
        let mut response = self.answer_or_refuse(request).await;
        add_security_headers(response.headers_mut());
        response
    }

    async fn answer_or_refuse(&self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        normalize(&mut parts);
        let admitted = match self.bodies.receive(&parts.headers, body).await {
            Ok(body) => {
                let place = self.place(&parts.headers).await;
                place.map(|place| (body, place))
            }
            Err(refusal) => Err(refusal),
        };
        let (body, place) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return self.refuse(Some(parts), refusal).await,
        };
        let asked = self.refusals.needed_of(&parts);
        let answering = self
            .routes
            .clone()
            .oneshot(Request::from_parts(parts, body));
        let working = run_to_completion(async move {
            let answered = answering.await;
            drop(place);
            answered.unwrap_or_else(|never| match never {})
        });
        match timeout(self.limits.request_time, working).await {
            Ok(Ok(response)) => response,
            Ok(Err(Panicked)) => self.refuse(asked, Refusal::Panicked).await,
            Err(_) => self.refuse(asked, Refusal::TookTooLong).await,
        }
    }

    async fn place(&self, headers: &HeaderMap) -> Result<OwnedSemaphorePermit, Refusal> {
        if opens_stream(headers) {
            let place = Arc::clone(&self.openings).try_acquire_owned();
            return place.map_err(|_| Refusal::Overloaded);
        }
        if let Ok(place) = Arc::clone(&self.requests).try_acquire_owned() {
            *self.last_free() = Instant::now();
            return Ok(place);
        }
        let patience = self.limits.queue_timeout;
        if self.last_free().elapsed() > patience {
            return Err(Refusal::Overloaded);
        }
        let _waiting = self
            .waiting
            .try_acquire()
            .map_err(|_| Refusal::Overloaded)?;
        let began = Instant::now();
        let place = timeout(patience, Arc::clone(&self.requests).acquire_owned()).await;
        self.waited.observe(began.elapsed());
        let place = place.map_err(|_| Refusal::Overloaded)?;
        Ok(place.expect("the semaphore is never closed"))
    }

    fn last_free(&self) -> MutexGuard<'_, Instant> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn refuse(&self, asked: Option<Parts>, refusal: Refusal) -> Response {
        self.refused.with([refusal.as_str()]).increment();
        if refusal == Refusal::Overloaded {
            self.shed.take_note(|requests| {
                tracing::warn!(requests, "shed, more was asked than can be answered");
            });
        }
        match &self.refusals {
            Refusals::Contract => ApiError::from(refusal).into_response(),
            Refusals::Shaped(routes) => {
                let request = asked.map(|asked| Request::from_parts(asked, Body::empty()));
                let mut request = request.unwrap_or_default();
                request.extensions_mut().insert(refusal);
                let answered = routes.clone().oneshot(request).await;
                answered.unwrap_or_else(|never| match never {})
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
        Box::pin(async move { Ok(gate.answer(request).await) })
    }
}

/// Whether somebody wants a stream of events, as browsers say it who open one. Who says so in vain has the few places
/// of those who do.
fn opens_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .is_some_and(|accepted| accepted.as_bytes() == b"text/event-stream")
}
