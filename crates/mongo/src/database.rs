//! A service's database: the server's, or one in memory for the simulation.

use bson::doc;
use mongodb::Client;

use super::StoreError;
use super::collection::Collection;
use super::metrics::Operations;
use super::requirements;
use super::timeouts::within_limit;
use super::transaction::Session;
use telemetry::metrics::Metrics;

/// The service's own database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Database(Backing);

#[derive(Debug, Clone)]
enum Backing {
    Server(Client, mongodb::Database, Metrics),
    #[cfg(feature = "simulation")]
    Memory(super::memory::Memory),
}

impl Database {
    pub(super) fn on_server(client: Client, name: &str, metrics: &Metrics) -> Self {
        let database = client.database(name);
        Self(Backing::Server(client, database, metrics.clone()))
    }

    /// A database in memory, as one process of the simulation reaches it.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub const fn in_memory(memory: super::memory::Memory) -> Self {
        Self(Backing::Memory(memory))
    }

    /// The collection of this name.
    #[must_use]
    pub fn collection<D: Send + Sync + 'static>(&self, name: &str) -> Collection<D> {
        match &self.0 {
            Backing::Server(_, database, metrics) => {
                Collection::on_server(database.collection(name), Operations::on(name, metrics))
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(memory) => Collection::in_memory(memory.table(name)),
        }
    }

    /// What is measured beside it: the metrics of the service whose database it is; none in the simulation.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        match &self.0 {
            Backing::Server(_, _, metrics) => metrics.clone(),
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => Metrics::none(),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.0 {
            Backing::Server(_, database, metrics) => {
                let database = database.clone();
                let ping = async move { database.run_command(doc! { "ping": 1 }).await };
                let operations = Operations::on("", metrics);
                operations.time("ping", within_limit(ping)).await?;
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => {}
        }
        Ok(())
    }

    /// What the server lacks that every service needs, in words for its operator; none if it has all.
    pub async fn missing(&self) -> Result<Option<String>, StoreError> {
        match &self.0 {
            Backing::Server(client, database, _) => requirements::missing(client, database).await,
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => Ok(None),
        }
    }

    /// Closes all connections.
    pub async fn close(self) {
        match self.0 {
            // Nobody uses it any more; what a hung server still owes an answer for is not waited for.
            Backing::Server(client, ..) => client.shutdown().immediate(true).await,
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => {}
        }
    }

    pub(super) async fn start_session(&self) -> Result<Session, StoreError> {
        Ok(match &self.0 {
            Backing::Server(client, ..) => {
                let client = client.clone();
                let session = within_limit(async move { client.start_session().await });
                Session::Server(Box::new(session.await?))
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(memory) => Session::Memory(memory.transaction()),
        })
    }
}
