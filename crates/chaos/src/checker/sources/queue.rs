//! The jobs in Redis: which orders' time is running there.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use bson::oid::ObjectId;
use redis::{AsyncConnectionConfig, Client};

/// The hash of all jobs, by their ids. The expiration service forgets those that are done.
const JOBS: &str = "expiration:data";

/// What a job's id has before its order's.
const PREFIX: &str = "order-";

const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub(super) struct QueueSource {
    client: Client,
}

impl QueueSource {
    pub(super) fn open(url: &str) -> Result<Self> {
        let client = Client::open(url).context("Redis's address")?;
        Ok(Self { client })
    }

    /// The orders that have a job. Each look has a connection of its own, since Redis is killed now and then.
    pub(super) async fn jobs(&self) -> Result<BTreeSet<ObjectId>> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let mut connection = connection.await.context("Redis")?;
        let mut keys = redis::cmd("HKEYS");
        let ids: Vec<String> = keys
            .arg(JOBS)
            .query_async(&mut connection)
            .await
            .context("Redis")?;
        let orders = ids.iter().filter_map(|id| id.strip_prefix(PREFIX));
        Ok(orders
            .filter_map(|id| ObjectId::parse_str(id).ok())
            .collect())
    }
}
