//! How long an answer of the database is waited for.
//!
//! A server that hangs takes connections and answers nothing, and the driver would wait for it without end.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::StoreError;
use crate::backoff::Backoff;
use crate::finish::to_its_end;

/// The longest that an operation takes, the choice of a server and the wait for a connection included.
pub(super) const OPERATION_LIMIT: Duration = Duration::from_secs(5);

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
    match timeout(OPERATION_LIMIT, to_its_end(operation)).await {
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

/// What `attempt` gives, tried with growing delays for as long as the database is away.
pub(super) async fn until_available<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut delays = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    loop {
        match attempt().await {
            Err(error) if error.is_unavailable() => {
                let delay = delays.next_delay();
                tracing::warn!(dependency = "MongoDB", %error, ?delay, "waiting for a dependency");
                sleep(delay).await;
            }
            outcome => return outcome,
        }
    }
}
