//! Timeouts of the database's operations.
//!
//! A server that hangs accepts connections and never answers, and the driver has no timeout of its own for this.

use std::time::Duration;

use base::backoff::Backoff;
use base::finish::run_to_completion;
use tokio::time::{Instant, sleep, timeout};

use super::StoreError;

/// The timeout of an operation, including the selection of a server and the wait for a connection.
pub(super) const OPERATION_LIMIT: Duration = Duration::from_secs(5);

/// The timeout of index builds. The indexes that a start adds take seconds.
pub(super) const INDEX_LIMIT: Duration = Duration::from_mins(2);

/// Waits for the operation. After the timeout it continues in the background and may still take effect, like an
/// operation whose response was lost.
///
/// Dropping it instead would harm others: the driver serves the queue for its connections one request at a time, and a
/// request that was dropped there still uses its turn. After many of them a process would stand still with all its
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

/// Like [`within_limit`], for an operation that borrows a transaction and so cannot continue in the background.
pub(super) async fn within_limit_or_dropped<T>(
    operation: impl IntoFuture<Output = Result<T, mongodb::error::Error>>,
) -> Result<T, StoreError> {
    match timeout(OPERATION_LIMIT, operation.into_future()).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(StoreError::no_answer()),
    }
}

/// Builds indexes. Retries with growing delays while the database is unavailable.
///
/// Fails if a build takes longer than [`INDEX_LIMIT`]: the server may wait for a member of the replica set that is
/// down. An attempt without a response leaves its build running, and the next attempt joins it.
pub(super) async fn until_built<T, F>(mut build: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut delays = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    let mut unanswered_since = None;
    loop {
        let start = Instant::now();
        match build().await {
            Err(error) if error.is_unavailable() => {
                if !error.is_no_answer() {
                    unanswered_since = None;
                } else if unanswered_since.get_or_insert(start).elapsed() >= INDEX_LIMIT {
                    return Err(StoreError::indexes_unfinished());
                }
                let delay = delays.next_delay();
                tracing::warn!(dependency = "MongoDB", %error, ?delay, "index build failed, retrying");
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
    async fn an_index_build_that_never_ends_fails_with_a_reason() {
        let start = Instant::now();
        let error = until_built(without_answer).await.unwrap_err();
        assert!(!error.is_unavailable());
        assert!(error.to_string().contains("rs.status()"), "{error}");
        assert!((INDEX_LIMIT..INDEX_LIMIT * 2).contains(&start.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_index_build_succeeds() {
        let start = Instant::now();
        let build = async || {
            if start.elapsed() > INDEX_LIMIT / 2 {
                return Ok(());
            }
            without_answer().await
        };
        until_built(build).await.unwrap();
    }
}
