//! Where the checker reads: straight from the servers, past every proxy and every service.

mod broker;
mod databases;
mod queue;

use anyhow::{Context, Result};
use common::Timestamp;
use stripe_stand_in::Ledger;
use testkit::Fleet;
use testkit::servers::Servers;

use super::snapshot::{Databases, Snapshot};
use broker::BrokerSource;
pub(crate) use broker::StreamSize;
use databases::DatabaseSource;
use queue::QueueSource;

/// Everything that is read. Clones share the connections.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    databases: DatabaseSource,
    broker: BrokerSource,
    queue: QueueSource,
}

impl Sources {
    /// Connects to the servers of this fleet.
    pub(crate) async fn connect(fleet: &Fleet) -> Result<Self> {
        let servers: &Servers = fleet.servers();
        Ok(Self {
            databases: DatabaseSource::open(&servers.mongo_uri("auth")).await?,
            broker: BrokerSource::connect(&servers.nats_url()).await?,
            queue: QueueSource::open(&servers.redis_url())?,
        })
    }

    /// What has versions.
    pub(crate) async fn databases(&self) -> Result<Databases> {
        self.databases.versioned().await.context("MongoDB")
    }

    /// The broker's streams and what to read of them.
    pub(crate) const fn broker(&self) -> &BrokerSource {
        &self.broker
    }

    /// The rest of a look that began with these databases.
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
