//! A service's database: the server's, or one in memory for the simulation.

use bson::doc;
use mongodb::Client;

use super::StoreError;
use super::collection::Collection;
use super::patience::within_limit;
use super::transaction::Session;

/// The service's own database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Database(Backing);

#[derive(Debug, Clone)]
enum Backing {
    Server(Client, mongodb::Database),
    #[cfg(feature = "simulation")]
    Memory(super::memory::Memory),
}

impl Database {
    pub(super) fn on_server(client: Client, name: &str) -> Self {
        let database = client.database(name);
        Self(Backing::Server(client, database))
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
            Backing::Server(_, database) => Collection::on_server(database.collection(name)),
            #[cfg(feature = "simulation")]
            Backing::Memory(memory) => Collection::in_memory(memory.table(name)),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.0 {
            Backing::Server(_, database) => {
                let database = database.clone();
                within_limit(async move { database.run_command(doc! { "ping": 1 }).await }).await?;
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => {}
        }
        Ok(())
    }

    /// Closes all connections.
    pub async fn close(self) {
        match self.0 {
            // Nobody uses it any more; what a hung server still owes an answer for is not waited for.
            Backing::Server(client, _) => client.shutdown().immediate(true).await,
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => {}
        }
    }

    pub(super) async fn start_session(&self) -> Result<Session, StoreError> {
        Ok(match &self.0 {
            Backing::Server(client, _) => {
                let client = client.clone();
                let session = within_limit(async move { client.start_session().await });
                Session::Server(Box::new(session.await?))
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(memory) => Session::Memory(memory.transaction()),
        })
    }
}
