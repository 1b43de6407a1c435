//! The jobs in Redis: which orders' time is running there.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use bson::oid::ObjectId;

use crate::access::QueueAccess;

/// The hash of all jobs, by their ids. The expiration service forgets those that are done.
const JOBS: &str = "data";

/// What a job's id has before its order's.
const PREFIX: &str = "order-";

/// Each look has a connection of its own, since Redis may go away and come back.
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

    /// Those of the orders that have a job.
    pub(crate) async fn jobs_among(&self, orders: &[ObjectId]) -> Result<BTreeSet<ObjectId>> {
        if orders.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut connection = self.0.connect().await?;
        let mut questions = redis::pipe();
        for order in orders {
            questions.hexists(self.0.key(JOBS), format!("{PREFIX}{order}"));
        }
        let there: Vec<bool> = questions
            .query_async(&mut connection)
            .await
            .context("Redis")?;
        let there = orders.iter().zip(there).filter(|(_, there)| *there);
        Ok(there.map(|(order, _)| *order).collect())
    }
}
