//! How long an answer of the database is waited for.
//!
//! A server that hangs takes connections and answers nothing, and the driver would wait for it without end.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::StoreError;
use base::backoff::Backoff;
use base::finish::run_to_completion;

/// The longest that an operation takes, the choice of a server and the wait for a connection included.
pub(super) const OPERATION_LIMIT: Duration = Duration::from_secs(5);

/// How long indexes are built, if the server does nothing else. What a start adds is built in seconds.
pub(super) const INDEX_LIMIT: Duration = Duration::from_mins(2);

/// What the operation gives, if it does in time. One that is given up goes on by itself, and may still take effect as one
/// may whose answer was lost.
///
/// It is not cut short: the driver serves the queue for its connections one at a time, and an operation that was dropped
/// while it waited there takes a turn without using it. After a storm of them a process would stand still with all its
/// connections idle (mongodb 3.9, `cmap/worker.rs`).
pub(super) async fn within_limit<T, F>(operation: F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, mongodb::error::Error>> + Send + 'static,
    T: Send + 'static,
{
    match timeout(OPERATION_LIMIT, run_to_completion(operation)).await {
        Ok(Ok(answer)) => Ok(answer?),
        Ok(Err(panicked)) => Err(StoreError::panicked(panicked)),
        Err(_) => Err(StoreError::no_answer()),
    }
}

/// As [`within_limit`], for an operation that borrows a transaction, and so cannot go on by itself.
pub(super) async fn within_limit_or_dropped<T>(
    operation: impl IntoFuture<Output = Result<T, mongodb::error::Error>>,
) -> Result<T, StoreError> {
    match timeout(OPERATION_LIMIT, operation.into_future()).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(StoreError::no_answer()),
    }
}

/// What `build` gives, which builds indexes, tried with growing delays for as long as the database is away.
///
/// A build that does not end is given up after [`INDEX_LIMIT`]: a member of the replica set may be down that the server
/// waits for. Each try that ends without an answer leaves a build behind, which the next one joins.
pub(super) async fn until_built<T, F>(mut build: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut delays = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    let mut unanswered_since = None;
    loop {
        let began = Instant::now();
        match build().await {
            Err(error) if error.is_unavailable() => {
                if !error.is_no_answer() {
                    unanswered_since = None;
                } else if unanswered_since.get_or_insert(began).elapsed() >= INDEX_LIMIT {
                    return Err(StoreError::indexes_unfinished());
                }
                let delay = delays.next_delay();
                tracing::warn!(dependency = "MongoDB", %error, ?delay, "indexes are not built yet");
                sleep(delay).await;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn without_answer() -> Result<(), StoreError> {
        sleep(OPERATION_LIMIT).await;
        Err(StoreError::no_answer())
    }

    #[tokio::test(start_paused = true)]
    async fn an_index_build_that_never_ends_is_given_up_with_a_reason() {
        let began = Instant::now();
        let error = until_built(without_answer).await.unwrap_err();
        assert!(!error.is_unavailable());
        assert!(error.to_string().contains("rs.status()"), "{error}");
        assert!((INDEX_LIMIT..INDEX_LIMIT * 2).contains(&began.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_index_build_that_ends_late_is_waited_for() {
        let began = Instant::now();
        let build = async || {
            if began.elapsed() > INDEX_LIMIT / 2 {
                return Ok(());
            }
            without_answer().await
        };
        until_built(build).await.unwrap();
    }
}
