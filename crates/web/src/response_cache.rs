//! Answers that are kept for a moment: the page that everybody looks at is read once, and given to all who come until it
//! changes.
//!
//! An answer is given as long as nothing that is known of here has changed since before the database was asked for it,
//! and never for longer than [`FRESH`]. What is known of is what this process writes and what the live feed tells of
//! other replicas. Since that takes a moment to arrive, whoever wrote something is given a cookie for two seconds
//! ([`Wrote`]): with it they have the database asked, together with others who ask the same ([`Grouped`]), and see what
//! they wrote by whichever replica.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponseParts, ResponseParts};
use futures::FutureExt;
use tokio::time::Instant;

use crate::session::cookies;
use messaging::Changes;
use mongo::StoreError;
use mongo::grouped::Grouped;

/// How old an answer from memory may be.
const FRESH: Duration = Duration::from_secs(1);

/// The name of the cookie of a client that just wrote something.
pub const WROTE: &str = "wrote";

/// Gives it for longer than an answer is kept, so that none is left that may be older than what was written. It says
/// nothing of anybody, so it may travel without TLS.
const WROTE_COOKIE: HeaderValue =
    HeaderValue::from_static("wrote=1; Path=/; Max-Age=2; HttpOnly; SameSite=Lax");

/// How many answers are kept, each of a page of a list at most: some tens of kilobytes.
const KEPT: usize = 64;

/// What an answer must show; of a request, whether it is of a client that just wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// All that was written before it was asked for, by whichever replica.
    Now,
    /// All that this process knows of, and all that is older than a second.
    Recent,
}

/// Reads of answers `T` to questions `Q`, which are grouped, and of which answers are kept. Clones share them.
pub struct ResponseCache<Q, T>(Arc<Shared<Q, T>>);

struct Shared<Q, T> {
    grouped: Grouped<Q, T>,
    answers: Mutex<HashMap<Q, Answer<T>>>,
    changes: Changes,
}

struct Answer<T> {
    value: T,
    /// When the database was asked, and how much had changed by then.
    asked: Instant,
    changes: u64,
}

// Written out because derives would ask the same of what is kept.
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

impl<S: Sync> FromRequestParts<S> for Freshness {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(match cookies(&parts.headers, WROTE).next() {
            Some(_) => Self::Now,
            None => Self::Recent,
        })
    }
}

/// Part of the answer to a write: from now on its client is shown what it wrote.
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
    Q: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Answers that are kept until there are changes.
    #[must_use]
    pub fn until(changes: Changes) -> Self {
        Self(Arc::new(Shared {
            grouped: Grouped::default(),
            answers: Mutex::default(),
            changes,
        }))
    }

    /// What `query` gives or, if it is as fresh as it must be, what the same question was answered before.
    pub async fn read<F>(
        &self,
        question: Q,
        freshness: Freshness,
        query: impl FnOnce() -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        if freshness == Freshness::Recent
            && let Some(value) = self.0.find(&question)
        {
            return Ok(value);
        }
        let (shared, asked_for) = (Arc::clone(&self.0), question.clone());
        let query = async move {
            let (asked, changes) = (Instant::now(), shared.changes.count());
            let value = query().await?;
            let answer = Answer {
                value: value.clone(),
                asked,
                changes,
            };
            shared.keep(asked_for, answer);
            Ok(value)
        };
        // Boxed, since most are never run: who comes meanwhile is answered by another's.
        self.0.grouped.read(question, query.boxed()).await
    }
}

impl<Q: Hash + Eq, T: Clone> Shared<Q, T> {
    fn find(&self, question: &Q) -> Option<T> {
        let answers = self.answers();
        let answer = answers.get(question)?;
        self.is_fresh(answer).then(|| answer.value.clone())
    }

    fn keep(&self, question: Q, answer: Answer<T>) {
        let mut answers = self.answers();
        if answers.len() >= KEPT && !answers.contains_key(&question) {
            answers.retain(|_, kept| self.is_fresh(kept));
        }
        // Where all that is kept is asked for now, one more has to be read.
        if answers.len() < KEPT || answers.contains_key(&question) {
            answers.insert(question, answer);
        }
    }

    fn is_fresh(&self, answer: &Answer<T>) -> bool {
        answer.changes == self.changes.count() && answer.asked.elapsed() <= FRESH
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<Q, Answer<T>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::advance;

    use super::*;

    type Numbers = ResponseCache<u32, u32>;

    async fn ask(kept: &Numbers, freshness: Freshness, found: u32) -> u32 {
        kept.read(7, freshness, move || async move { Ok(found) })
            .await
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_given_again_until_something_changes() {
        let changes = Changes::default();
        let kept = Numbers::until(changes.clone());
        assert_eq!(ask(&kept, Freshness::Recent, 1).await, 1);
        assert_eq!(ask(&kept, Freshness::Recent, 2).await, 1);
        changes.note();
        assert_eq!(ask(&kept, Freshness::Recent, 3).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_is_older_than_a_second() {
        let kept = Numbers::until(Changes::default());
        ask(&kept, Freshness::Recent, 1).await;
        advance(FRESH).await;
        assert_eq!(ask(&kept, Freshness::Recent, 2).await, 1);
        advance(Duration::from_millis(1)).await;
        assert_eq!(ask(&kept, Freshness::Recent, 3).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_must_see_all_has_the_database_asked_and_others_profit_from_it() {
        let kept = Numbers::until(Changes::default());
        ask(&kept, Freshness::Recent, 1).await;
        assert_eq!(ask(&kept, Freshness::Now, 2).await, 2);
        assert_eq!(ask(&kept, Freshness::Recent, 3).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_before_a_change_is_not_kept_after_it() {
        let changes = Changes::default();
        let kept = Numbers::until(changes.clone());
        let (go_on, wait) = oneshot::channel();
        let read = {
            let kept = kept.clone();
            let query = || async { Ok(wait.await.unwrap()) };
            tokio::spawn(async move { kept.read(7, Freshness::Recent, query).await })
        };
        tokio::task::yield_now().await;
        drop(changes.note_on_drop());
        go_on.send(1).unwrap();
        assert_eq!(read.await.unwrap().unwrap(), 1);
        assert_eq!(ask(&kept, Freshness::Recent, 2).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_answers_are_kept_and_old_ones_make_room() {
        let kept = ResponseCache::<usize, usize>::until(Changes::default());
        let ask = async |number: usize, found: usize| {
            let query = move || async move { Ok(found) };
            kept.read(number, Freshness::Recent, query).await.unwrap()
        };
        for number in 0..2 * KEPT {
            ask(number, 1).await;
        }
        assert_eq!(kept.0.answers().len(), KEPT);
        assert_eq!(ask(0, 2).await, 1);
        assert_eq!(ask(2 * KEPT, 3).await, 3);
        advance(2 * FRESH).await;
        ask(2 * KEPT, 4).await;
        assert_eq!(ask(2 * KEPT, 5).await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_not_kept() {
        let kept = Numbers::until(Changes::default());
        let failing = || async { Err(mongodb::error::Error::custom("on purpose").into()) };
        let failed = kept.read(7, Freshness::Recent, failing).await;
        assert!(failed.is_err());
        assert_eq!(ask(&kept, Freshness::Recent, 2).await, 2);
    }
}
