//! Waits briefly for a replica that has not arrived yet.

use std::sync::Arc;
use std::time::Duration;

use base::backoff::Backoff;
use bson::oid::ObjectId;
use common::Id;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::ApiError;

/// How long a request waits for a replica before it fails with 404.
pub const REPLICA_WAIT: Duration = Duration::from_secs(1);

/// How many requests of a process may wait for a replica: a quarter of its concurrent requests, to leave room for
/// others.
const WAITING: usize = 16;

/// The age up to which an entity's replica may still be missing. Older ones are replicated, unless the broker is away.
const RECENT: Duration = Duration::from_secs(10);

/// How far the clock of the machine that generated an id may be ahead.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The result of `find`, repeated with growing pauses until it finds something or `limit` has passed.
///
/// A new entity reaches its replicas some milliseconds later. A client that already knows of it must not receive 404.
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

/// The requests of a process that wait for replicas. They are limited, so that requests with unknown ids cannot block
/// all others. Clones share the limit.
#[derive(Debug, Clone)]
pub struct ReplicaWaits(Arc<Semaphore>);

impl Default for ReplicaWaits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(WAITING)))
    }
}

impl ReplicaWaits {
    /// The entity with this id. Waits for it if the id was generated recently.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] if there is none; [`ApiError::Overloaded`] if it may still arrive but too many requests
    /// wait already.
    pub async fn find<K, T, E, F>(
        &self,
        id: Id<K>,
        mut find: impl FnMut() -> F,
    ) -> Result<T, ApiError>
    where
        F: Future<Output = Result<Option<T>, E>>,
        ApiError: From<E>,
    {
        if let Some(found) = find().await? {
            return Ok(found);
        }
        if !is_recent(id) {
            return Err(ApiError::NotFound);
        }
        let _permit = self.0.try_acquire().map_err(|_| ApiError::Overloaded)?;
        find_within(REPLICA_WAIT, find)
            .await?
            .ok_or(ApiError::NotFound)
    }

    /// The result of `find`, repeated as in [`ReplicaWaits::find`]; `None` at once if too many requests wait already.
    pub async fn find_change<T, E, F>(&self, find: impl FnMut() -> F) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        match self.0.try_acquire() {
            Ok(_permit) => find_within(REPLICA_WAIT, find).await,
            Err(_) => Ok(None),
        }
    }
}

/// Whether the id was generated recently. Its first bytes are the time, in seconds, by the clock of the machine that
/// generated it.
fn is_recent<K>(id: Id<K>) -> bool {
    let time = |id: ObjectId| id.timestamp().timestamp_millis();
    let age = time(ObjectId::new()) - time(ObjectId::from_bytes(id.bytes()));
    let within = |limit: Duration| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    (-within(CLOCK_SKEW)..=within(RECENT)).contains(&age)
}
