//! Optimistic changes: read, decide, and write if nobody was faster; else try again a moment later.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::StoreError;
use base::backoff::Backoff;

/// How long a change is tried that loses against others; as long as a transaction.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs `attempt`, which reads and writes, until it was not too late: until it gives something.
///
/// On a replica set a read returns what a majority of the members has, while the guard of a write sees the newest state
/// of the primary. So for as long as a faster write is on its way to the majority, every read finds the same old version
/// and every write fails. The pauses grow, with jitter, until the majority has caught up.
pub async fn until_written<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<Option<T>, E>>,
    E: From<StoreError>,
{
    let deadline = Instant::now() + PATIENCE;
    let mut pauses = Backoff::new(Duration::from_millis(5), Duration::from_millis(250));
    loop {
        if let Some(written) = attempt().await? {
            return Ok(written);
        }
        if Instant::now() >= deadline {
            return Err(StoreError::contended().into());
        }
        sleep(pauses.next_delay()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_outlasts_a_majority_that_lags() {
        let began = Instant::now();
        let attempt = async || {
            let caught_up = began.elapsed() > Duration::from_secs(3);
            Ok::<_, StoreError>(caught_up.then_some(()))
        };
        until_written(attempt).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_always_loses_is_given_up_after_a_few_seconds() {
        let (began, mut tries) = (Instant::now(), 0);
        let lost = until_written(|| {
            tries += 1;
            async { Ok::<Option<()>, StoreError>(None) }
        });
        let lost = lost.await.unwrap_err();
        assert!(lost.is_unavailable() && lost.is_contended(), "{lost}");
        assert!(began.elapsed() < PATIENCE * 2);
        assert!((10..100).contains(&tries), "{tries}");
    }
}
