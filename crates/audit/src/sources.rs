//! The servers that the checker reads, directly and not through a proxy or a service.

mod broker;
mod databases;
mod queue;

use anyhow::{Context, Result};
use common::Timestamp;

use super::access::Access;
use super::ledger::Ledger;
use super::snapshot::{Databases, Snapshot};
pub(crate) use broker::{BrokerSource, Extent, StreamSize};
pub(crate) use databases::{DatabaseSource, Keyed, by_id};
pub(crate) use queue::QueueSource;

/// The connections to all servers. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    databases: DatabaseSource,
    broker: BrokerSource,
    queue: QueueSource,
}

impl Sources {
    /// Connects to the servers of a fleet.
    pub(crate) async fn connect(access: &Access) -> Result<Self> {
        Ok(Self {
            databases: DatabaseSource::open(&access.databases).await?,
            broker: BrokerSource::connect(&access.broker).await?,
            queue: QueueSource::new(access.queue.clone()),
        })
    }

    /// The documents.
    pub(crate) const fn databases(&self) -> &DatabaseSource {
        &self.databases
    }

    /// The broker's streams.
    pub(crate) const fn broker(&self) -> &BrokerSource {
        &self.broker
    }

    /// The expiration jobs.
    pub(crate) const fn queue(&self) -> &QueueSource {
        &self.queue
    }

    /// All documents that have versions.
    pub(crate) async fn versioned(&self) -> Result<Databases> {
        self.databases.versioned().await.context("MongoDB")
    }

    /// Reads the rest of a snapshot that began with these databases.
    pub(crate) async fn complete(
        &self,
        taken_at: Timestamp,
        databases: Databases,
        ledger: Ledger,
    ) -> Result<Snapshot> {
        let (users, reservations, backlogs, dead_letters, jobs) = tokio::try_join!(
            self.databases.users(),
            self.databases.reservations(),
            self.broker.backlogs(),
            self.broker.dead_letters(),
            self.queue.jobs(),
        )?;
        Ok(Snapshot {
            taken_at,
            databases,
            users,
            reservations,
            ledger,
            backlogs,
            dead_letters,
            jobs,
        })
    }
}
