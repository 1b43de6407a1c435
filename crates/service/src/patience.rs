//! Waiting a moment for a replica that is on its way.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;

/// How long a client waits for a replica before it is told that there is none.
pub const REPLICA_WAIT: Duration = Duration::from_secs(1);

/// What `find` gives, asked again with growing pauses until it finds something or `limit` is over.
///
/// An entity just created elsewhere reaches its replica some milliseconds later; a client that was told of it must
/// not be told that it does not exist.
pub async fn find_within<T, E, F>(
    limit: Duration,
    mut find: impl FnMut() -> F,
) -> Result<Option<T>, E>
where
    F: Future<Output = Result<Option<T>, E>>,
{
    let deadline = Instant::now() + limit;
    let mut pauses = Backoff::new(Duration::from_millis(10), Duration::from_millis(100));
    loop {
        let now = Instant::now();
        match find().await? {
            None if now < deadline => sleep_until((now + pauses.next_delay()).min(deadline)).await,
            found => return Ok(found),
        }
    }
}
