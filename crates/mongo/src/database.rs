//! A service's own database.

use std::sync::Arc;

use bson::doc;
use mongodb::Client;
use telemetry::metrics::Metrics;

use super::StoreError;
use super::collection::Collection;
use super::metrics::Operations;
use super::raw::RawDatabase;
use super::requirements;
use super::timeouts::within_limit;
use super::transaction::Session;

/// The service's own database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Database(Backing);

#[derive(Debug, Clone)]
enum Backing {
    Server(Client, mongodb::Database, Metrics),
    Replaced(Arc<dyn RawDatabase>),
}

impl Database {
    pub(super) fn on_server(client: Client, name: &str, metrics: &Metrics) -> Self {
        let database = client.database(name);
        Self(Backing::Server(client, database, metrics.clone()))
    }

    /// A database that replaces MongoDB.
    #[must_use]
    pub fn replaced_by(database: Arc<dyn RawDatabase>) -> Self {
        Self(Backing::Replaced(database))
    }

    /// The collection of this name.
    #[must_use]
    pub fn collection<D: Send + Sync + 'static>(&self, name: &str) -> Collection<D> {
        match &self.0 {
            Backing::Server(_, database, metrics) => {
                Collection::on_server(database.collection(name), Operations::on(name, metrics))
            }
            Backing::Replaced(database) => Collection::replaced(database.collection(name)),
        }
    }

    /// The metrics of the service; none if the database is replaced.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        match &self.0 {
            Backing::Server(_, _, metrics) => metrics.clone(),
            Backing::Replaced(_) => Metrics::none(),
        }
    }

    /// Checks that the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if let Backing::Server(_, database, metrics) = &self.0 {
            let database = database.clone();
            let ping = async move { database.run_command(doc! { "ping": 1 }).await };
            let operations = Operations::on("", metrics);
            operations.time("ping", within_limit(ping)).await?;
        }
        Ok(())
    }

    /// What the server lacks that every service needs, as a message for the operator; `None` if it lacks nothing.
    pub async fn missing(&self) -> Result<Option<String>, StoreError> {
        match &self.0 {
            Backing::Server(client, database, _) => requirements::missing(client, database).await,
            Backing::Replaced(_) => Ok(None),
        }
    }

    /// Closes all connections.
    pub async fn close(self) {
        if let Backing::Server(client, ..) = self.0 {
            // No request uses it any more, and a hung server would never answer.
            client.shutdown().immediate(true).await;
        }
    }

    pub(super) async fn start_session(&self) -> Result<Session, StoreError> {
        Ok(match &self.0 {
            Backing::Server(client, ..) => {
                let client = client.clone();
                let session = within_limit(async move { client.start_session().await });
                Session::Server(Box::new(session.await?))
            }
            Backing::Replaced(database) => Session::Replaced(database.session()),
        })
    }
}
