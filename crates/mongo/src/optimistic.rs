//! Optimistic concurrency: read, decide, and write unless a concurrent change was faster. If one was, retry.

use std::time::Duration;

use base::backoff::Backoff;
use tokio::time::{Instant, sleep};

use super::StoreError;

/// How long a change is retried: as long as a transaction.
const RETRY_LIMIT: Duration = Duration::from_secs(5);

/// Runs `attempt`, which reads and writes, until it returns a value; `None` means that a concurrent change was faster.
///
/// On a replica set a read returns the state of a majority of the members, while the filter of a write sees the newest
/// state of the primary. While a faster write is not replicated yet, every read finds the same old version and every
/// write fails. So the delays between attempts grow, with jitter.
pub async fn until_written<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<Option<T>, E>>,
    E: From<StoreError>,
{
    let deadline = Instant::now() + RETRY_LIMIT;
    let mut delays = Backoff::new(Duration::from_millis(5), Duration::from_millis(250));
    loop {
        if let Some(written) = attempt().await? {
            return Ok(written);
        }
        if Instant::now() >= deadline {
            return Err(StoreError::contended().into());
        }
        sleep(delays.next_delay()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_retried_until_the_majority_has_caught_up() {
        let start = Instant::now();
        let attempt = async || {
            let caught_up = start.elapsed() > Duration::from_secs(3);
            Ok::<_, StoreError>(caught_up.then_some(()))
        };
        until_written(attempt).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_never_succeeds_fails_after_a_few_seconds() {
        let (start, mut tries) = (Instant::now(), 0);
        let change = until_written(|| {
            tries += 1;
            async { Ok::<Option<()>, StoreError>(None) }
        });
        let error = change.await.unwrap_err();
        assert!(error.is_unavailable() && error.is_contended(), "{error}");
        assert!(start.elapsed() < RETRY_LIMIT * 2);
        assert!((10..100).contains(&tries), "{tries}");
    }
}
