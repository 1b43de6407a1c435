//! The queue of expirations in Redis.

use anyhow::Context;
use audit::access::now;
use common::Timestamp;
use serde::Serialize;

use crate::connections::Connections;
use crate::failure::Failure;

/// The queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownQueue {
    /// All jobs.
    pub(super) jobs: u64,
    /// Jobs that are not yet due.
    pub(super) scheduled: u64,
    /// Jobs that a worker may take.
    pub(super) available: u64,
    /// Jobs that apalis has given up. The service deletes them and creates new ones.
    pub(super) dead: u64,
    /// Orders that are due, and whose expiration was not published.
    pub(super) overdue: u64,
    /// How long the first of these has been due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) overdue_milliseconds: Option<u64>,
}

pub(super) async fn read(connections: &Connections) -> Result<ShownQueue, Failure> {
    let (queue, mut connection) = connections.redis().await?;
    let now = now();
    let (jobs, scheduled, available, dead, overdue, first): (
        u64,
        u64,
        u64,
        u64,
        u64,
        Vec<(String, i64)>,
    ) = redis::pipe()
        .hlen(queue.key("data"))
        .zcard(queue.key("scheduled"))
        .llen(queue.key("active"))
        .scard(queue.key("dead"))
        .zcount(queue.key("deadlines"), "-inf", now.milliseconds())
        .zrange_withscores(queue.key("deadlines"), 0, 0)
        .query_async(&mut connection)
        .await
        .context("the queue's keys in Redis")?;
    let first = first
        .first()
        .map(|(_, deadline)| Timestamp::from_milliseconds(*deadline));
    let overdue_since = first.filter(|first| *first < now);
    Ok(ShownQueue {
        jobs,
        scheduled,
        available,
        dead,
        overdue,
        overdue_milliseconds: overdue_since
            .map(|since| u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX)),
    })
}
