//! Cached responses: the page that everybody looks at is read once and served until something changes.
//!
//! A cached response is served while this process knows of no change since the database was asked for it, and for at most
//! [`MAX_AGE`]. A process knows of its own writes and of what the live feed reports of other replicas. The feed takes a
//! moment, so the client that wrote something receives a cookie for two seconds ([`Wrote`]). Its reads always get the
//! result of a query that began after they arrived, so it sees its own write on every replica.
//!
//! Each question has at most one query at a time. Requests that arrive during a query share its result if that is fresh
//! enough for them, else all of them share the next one.

use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponseParts, ResponseParts};
use messaging::Changes;
use mongo::StoreError;
use quick_cache::OptionsBuilder;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, UnitWeighter};
use tokio::time::Instant;

use crate::session::cookies;

/// The greatest age of a cached response.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The name of the cookie of a client that just wrote something.
pub const WROTE: &str = "wrote";

/// Valid for longer than a response is cached, so that no cached response is older than the client's write. It identifies
/// nobody, so it may be sent without TLS.
const WROTE_COOKIE: HeaderValue =
    HeaderValue::from_static("wrote=1; Path=/; Max-Age=2; HttpOnly; SameSite=Lax");

/// The most responses that are cached. Each is at most a page of a list: some tens of kilobytes.
const CAPACITY: usize = 64;

/// Which writes a response must show. As an extractor: [`Now`](Self::Now) for a client that just wrote something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// All writes before the request arrived, through any replica.
    Now,
    /// All writes that this process knows of, and all that are older than [`MAX_AGE`].
    Recent,
}

/// Cached answers `T` to questions `Q`. Clones share the cache.
pub struct ResponseCache<Q, T>(Arc<Shared<Q, T>>);

struct Shared<Q, T> {
    slots: Cache<Q, Arc<Slot<T>>>,
    changes: Changes,
    /// Numbers the arrivals of requests and the starts of queries, in their order.
    sequence: AtomicU64,
}

/// What is known about one question.
struct Slot<T> {
    /// Held by the request whose query runs.
    query: tokio::sync::Mutex<()>,
    latest: Mutex<Option<Answer<T>>>,
}

struct Answer<T> {
    /// A failure is only returned to the requests that waited for it.
    result: Result<T, StoreError>,
    /// When the query began: its number in the sequence, the time, and the count of changes.
    number: u64,
    begun: Instant,
    changes: u64,
}

// Written out because derives would require the same of `Q` and `T`.
impl<Q, T> Clone for ResponseCache<Q, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q, T> fmt::Debug for ResponseCache<Q, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache").finish_non_exhaustive()
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            query: tokio::sync::Mutex::default(),
            latest: Mutex::default(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Freshness {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(match cookies(&parts.headers, WROTE).next() {
            Some(_) => Self::Now,
            None => Self::Recent,
        })
    }
}

/// Part of the response to a write: from then on, its client sees what it wrote.
#[derive(Debug, Clone, Copy)]
pub struct Wrote;

impl IntoResponseParts for Wrote {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        response
            .headers_mut()
            .append(header::SET_COOKIE, WROTE_COOKIE);
        Ok(response)
    }
}

impl<Q, T> ResponseCache<Q, T>
where
    Q: Hash + Eq + Clone,
    T: Clone,
{
    /// An empty cache, whose answers are out of date after a change.
    #[must_use]
    pub fn until(changes: Changes) -> Self {
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(CAPACITY)
            .weight_capacity(CAPACITY as u64)
            .build();
        let options = options.expect("all that is required is set");
        Self(Arc::new(Shared {
            slots: Cache::with_options(
                options,
                UnitWeighter,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            changes,
            sequence: AtomicU64::default(),
        }))
    }

    /// The cached answer if it is fresh enough, else the result of `query` or of another request's query.
    pub async fn read<F>(
        &self,
        question: Q,
        freshness: Freshness,
        query: impl FnOnce() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let Shared {
            slots,
            changes,
            sequence,
        } = &*self.0;
        let next = || sequence.fetch_add(1, Ordering::SeqCst);
        let slot = slots.get_or_insert_with::<_, Infallible>(&question, || Ok(Arc::default()));
        let Ok(slot) = slot;
        let cached = || match freshness {
            Freshness::Now => None,
            Freshness::Recent => slot.recent(changes),
        };
        if let Some(value) = cached() {
            return Ok(value);
        }
        let arrived = next();
        let _query = slot.query.lock().await;
        if let Some(result) = cached().map(Ok).or_else(|| slot.begun_after(arrived)) {
            return result;
        }
        let (number, begun, changes) = (next(), Instant::now(), changes.count());
        let result = query().await;
        *slot.latest() = Some(Answer {
            result: result.clone(),
            number,
            begun,
            changes,
        });
        result
    }
}

impl<T: Clone> Slot<T> {
    /// The latest answer, if nothing has changed since its query began and it is not too old.
    fn recent(&self, changes: &Changes) -> Option<T> {
        let latest = self.latest();
        let answer = latest.as_ref()?;
        let is_recent = answer.changes == changes.count() && answer.begun.elapsed() <= MAX_AGE;
        answer.result.as_ref().ok().filter(|_| is_recent).cloned()
    }

    /// The latest result, if its query began after this number.
    fn begun_after(&self, number: u64) -> Option<Result<T, StoreError>> {
        let latest = self.latest();
        let answer = latest.as_ref().filter(|answer| answer.number > number);
        answer.map(|answer| answer.result.clone())
    }

    fn latest(&self) -> MutexGuard<'_, Option<Answer<T>>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
