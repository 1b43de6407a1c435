//! Waiting a moment for a replica that is on its way.

use std::sync::Arc;
use std::time::Duration;

use bson::oid::ObjectId;
use common::Id;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::ApiError;
use base::backoff::Backoff;

/// How long a client waits for a replica before it is told that there is none.
pub const REPLICA_WAIT: Duration = Duration::from_secs(1);

/// How many requests of a process wait for a replica at once: a quarter of those that it works on, so that most places
/// are left to others.
const WAITING: usize = 16;

/// An entity that is older than this reached its replicas long ago, unless the broker is away.
const RECENT: Duration = Duration::from_secs(10);

/// How far the clock of the machine that made an id may be ahead.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

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

/// The requests of a process that wait for replicas. They are few, so that unknown ids cannot take the places of all
/// other requests. Clones share the limit.
#[derive(Debug, Clone)]
pub struct ReplicaWaits(Arc<Semaphore>);

impl Default for ReplicaWaits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(WAITING)))
    }
}

impl ReplicaWaits {
    /// The entity with this id. If its id was made a moment ago, its replica is waited for.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] if there is none; [`ApiError::Overloaded`] if it may be on its way and too many requests
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
        let _place = self.0.try_acquire().map_err(|_| ApiError::Overloaded)?;
        find_within(REPLICA_WAIT, find)
            .await?
            .ok_or(ApiError::NotFound)
    }

    /// What `find` gives, waited for as in [`ReplicaWaits::find`]; `None` at once if too many requests wait already.
    pub async fn find_change<T, E, F>(&self, find: impl FnMut() -> F) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        match self.0.try_acquire() {
            Ok(_place) => find_within(REPLICA_WAIT, find).await,
            Err(_) => Ok(None),
        }
    }
}

/// Whether the id was made a moment ago. Its first bytes say when, in seconds, by the clock of the machine that made it.
fn is_recent<K>(id: Id<K>) -> bool {
    let made = |id: ObjectId| id.timestamp().timestamp_millis();
    let age = made(ObjectId::new()) - made(ObjectId::from_bytes(id.bytes()));
    let within = |limit: Duration| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    (-within(CLOCK_SKEW)..=within(RECENT)).contains(&age)
}
