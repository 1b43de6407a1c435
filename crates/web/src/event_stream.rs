//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>): long answers that tell a
//! page what happens.
//!
//! A stream holds a connection and nothing else: no place among the requests that are worked on at once, and no time
//! limit. So their number has its own limit. All of them end when the process stops; browsers come back by themselves,
//! to another process.

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
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::ApiError;
use super::occurrences::Occurrences;
use crate::metrics::{EVENT_STREAMS_OPEN, EVENT_STREAMS_REFUSED};
use telemetry::metrics::{Counter, Gauge, Metrics};

/// How many streams a process has open at once; more are answered 503.
const MOST_STREAMS: usize = 10_000;

/// How often something is sent where nothing happens: oftener than proxies give up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After how long a browser comes back that lost its stream.
const RETRY: Duration = Duration::from_secs(1);

/// Answers with streams of events. Clones share their number.
#[derive(Debug, Clone)]
pub struct EventStreams(Arc<Streams>);

#[derive(Debug)]
struct Streams {
    free: Arc<Semaphore>,
    refused: Occurrences,
    open: Gauge,
    turned_away: Counter,
    ended: CancellationToken,
}

impl EventStreams {
    /// Streams that end at the latest when the token is cancelled.
    #[must_use]
    pub fn until(ended: CancellationToken, metrics: &Metrics) -> Self {
        Self::at_most(MOST_STREAMS, ended, metrics)
    }

    /// The same with another limit than the usual one.
    #[must_use]
    pub fn at_most(streams: usize, ended: CancellationToken, metrics: &Metrics) -> Self {
        Self(Arc::new(Streams {
            free: Arc::new(Semaphore::new(streams)),
            refused: Occurrences::default(),
            open: metrics.gauge(&EVENT_STREAMS_OPEN),
            turned_away: metrics.counter(&EVENT_STREAMS_REFUSED),
            ended,
        }))
    }

    /// The answer that sends these events until they end; 503 if there are too many streams already.
    pub fn answer(
        &self,
        events: impl Stream<Item = Event> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let Streams {
            free,
            refused,
            open,
            turned_away,
            ended,
        } = &*self.0;
        let place = Arc::clone(free).try_acquire_owned();
        let place = place.map_err(|_| {
            refused.take_note(|refused| tracing::warn!(refused, "too many event streams"));
            turned_away.increment();
            ApiError::Overloaded
        })?;
        let open = open.up();
        let retry = stream::once(async { Event::default().retry(RETRY) });
        let events = retry
            .chain(events)
            .take_until(ended.clone().cancelled_owned())
            .map(move |event| {
                // Held as long as the stream is.
                let _ = (&place, &open);
                Ok::<_, Infallible>(event)
            });
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
        let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // What is to be seen within a second must not wait in a proxy's buffer.
        headers.insert(
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        );
        Ok(response)
    }
}

/// `Last-Event-ID`. Where an answer carries it, it is the place in a stream from which a client goes on that shows the
/// answer; what it shows of what comes after that, it may be told again.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The id of the last event that a client saw: the header `Last-Event-ID`, which a browser sends that reconnects, or
/// else the parameter `lastEventId`, for a page that opens a new stream where it closed one.
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
        // What is unreadable is still an id, and one that nobody knows.
        let header = header.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        let query = Query::<LastEventQuery>::from_request_parts(parts, state).await;
        let query = query.ok().and_then(|Query(query)| query.last_event_id);
        let given = [header, query].into_iter().flatten();
        Ok(Self(given.into_iter().find(|id| !id.is_empty())))
    }
}
