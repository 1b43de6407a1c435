//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>): long responses that keep a
//! page up to date.
//!
//! An open stream holds only a connection: it does not count among the concurrent requests and has no time limit. So
//! the number of streams has its own limit. All streams end when the process stops; browsers then reconnect
//! automatically, to another process.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use telemetry::metrics::{Counter, Gauge, Metrics};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::ApiError;
use super::throttled_log::ThrottledLog;
use crate::metrics::{EVENT_STREAMS_OPEN, EVENT_STREAMS_REFUSED};

/// The limit of open streams per process. Further ones are refused with 503.
const STREAM_LIMIT: usize = 10_000;

/// How often an idle stream sends a comment: sooner than proxies time out.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After how long a browser reconnects.
const RETRY: Duration = Duration::from_secs(1);

/// Responses that are event streams. Clones share the limit.
#[derive(Debug, Clone)]
pub struct EventStreams(Arc<Streams>);

#[derive(Debug)]
struct Streams {
    permits: Arc<Semaphore>,
    refused: ThrottledLog,
    open: Gauge,
    refusals: Counter,
    ended: CancellationToken,
}

impl EventStreams {
    /// Streams that end at the latest when the token is cancelled.
    #[must_use]
    pub fn until(ended: CancellationToken, metrics: &Metrics) -> Self {
        Self::limited(STREAM_LIMIT, ended, metrics)
    }

    /// Like [`until`](Self::until), with another limit.
    #[must_use]
    pub fn limited(limit: usize, ended: CancellationToken, metrics: &Metrics) -> Self {
        Self(Arc::new(Streams {
            permits: Arc::new(Semaphore::new(limit)),
            refused: ThrottledLog::default(),
            open: metrics.gauge(&EVENT_STREAMS_OPEN),
            refusals: metrics.counter(&EVENT_STREAMS_REFUSED),
            ended,
        }))
    }

    /// A response that sends these events until they end; 503 if too many streams are open.
    pub fn answer(
        &self,
        events: impl Stream<Item = Event> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let Streams {
            permits,
            refused,
            open,
            refusals,
            ended,
        } = &*self.0;
        let permit = Arc::clone(permits).try_acquire_owned();
        let permit = permit.map_err(|_| {
            refused.record(|refused| tracing::warn!(refused, "too many event streams"));
            refusals.increment();
            ApiError::Overloaded
        })?;
        let open = open.up();
        let retry = stream::once(async { Event::default().retry(RETRY) });
        let events = retry
            .chain(events)
            .take_until(ended.clone().cancelled_owned())
            .map(move |event| {
                // The closure owns both, so they are released when the stream is dropped.
                let _ = (&permit, &open);
                Ok::<_, Infallible>(event)
            });
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
        let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Events must not wait in a proxy's buffer.
        headers.insert(
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        );
        Ok(response)
    }
}

/// `Last-Event-ID`. In a response, it is the cursor from which a client that shows the response continues with the
/// event stream. The client may then receive events that the response already reflects.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The id of the last event that a client received: the header `Last-Event-ID`, which browsers send when they
/// reconnect, or else the parameter `lastEventId`, for a page that opens a new stream after it closed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(pub Option<String>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LastEventQuery {
    last_event_id: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(&LAST_EVENT_ID);
        // An unreadable id counts as an unknown one.
        let header = header.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        let query = Query::<LastEventQuery>::from_request_parts(parts, state).await;
        let query = query.ok().and_then(|Query(query)| query.last_event_id);
        let mut ids = [header, query].into_iter().flatten();
        Ok(Self(ids.find(|id| !id.is_empty())))
    }
}
