//! How long an answer of the database is waited for.
//!
//! A server that hangs takes connections and answers nothing, and the driver would wait for it without end.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::StoreError;
use crate::backoff::Backoff;

/// The longest that an operation takes, the choice of a server and the wait for a connection included.
pub(super) const OPERATION_LIMIT: Duration = Duration::from_secs(5);

/// What the operation gives, if it does in time. A write that is given up may still take effect later, as one may whose
/// answer was lost.
pub(super) async fn within_limit<T>(
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
