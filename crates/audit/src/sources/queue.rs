//! Reads the expiration jobs in Redis.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use bson::oid::ObjectId;

use crate::access::QueueAccess;

/// The hash of all jobs by id. The expiration service removes finished jobs.
const JOBS: &str = "data";

/// The prefix of a job's id before its order's id.
const PREFIX: &str = "order-";

/// Each query opens a new connection, because Redis may restart in between.
#[derive(Debug, Clone)]
pub(crate) struct QueueSource(QueueAccess);

impl QueueSource {
    pub(super) const fn new(access: QueueAccess) -> Self {
        Self(access)
    }

    /// The orders that have a job.
    pub(super) async fn jobs(&self) -> Result<BTreeSet<ObjectId>> {
        let mut connection = self.0.connect().await?;
        let mut keys = redis::cmd("HKEYS");
        let ids = keys
            .arg(self.0.key(JOBS))
            .query_async(&mut connection)
            .await;
        let ids: Vec<String> = ids.context("Redis")?;
        let orders = ids.iter().filter_map(|id| id.strip_prefix(PREFIX));
        Ok(orders
            .filter_map(|id| ObjectId::parse_str(id).ok())
            .collect())
    }

    /// The orders among these that have a job.
    pub(crate) async fn jobs_among(&self, orders: &[ObjectId]) -> Result<BTreeSet<ObjectId>> {
        if orders.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut connection = self.0.connect().await?;
        let mut pipeline = redis::pipe();
        for order in orders {
            pipeline.hexists(self.0.key(JOBS), format!("{PREFIX}{order}"));
        }
        let exist: Vec<bool> = pipeline
            .query_async(&mut connection)
            .await
            .context("Redis")?;
        let found = orders.iter().zip(exist).filter(|(_, exists)| *exists);
        Ok(found.map(|(order, _)| *order).collect())
    }
}
