//! The connection to MongoDB: one client for each process, with limits on connections and timeouts.

use std::time::Duration;

use base::config::Environment;
use mongodb::Client;
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use secrecy::{ExposeSecret, SecretString};
use telemetry::metrics::Metrics;

use super::{Database, StoreError, metrics};

/// The size of the pool: more than the concurrent requests, events, relays and sweeps, so none of them waits.
const POOL: u32 = 256;

/// How often the driver checks the server. One failed check is enough to detect a server that hangs.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// The address of a service's database.
#[derive(Debug, Clone)]
pub struct MongoConfig {
    /// `MONGO_URI`: a connection string that names the database.
    pub uri: SecretString,
}

impl MongoConfig {
    /// Reads `MONGO_URI`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let uri = environment.secret("MONGO_URI", 1)?;
        let text = uri.expose_secret();
        if text.starts_with("mongodb://") || text.starts_with("mongodb+srv://") {
            Some(Self { uri })
        } else {
            environment.fault("MONGO_URI", "must begin with mongodb:// or mongodb+srv://")
        }
    }
}

impl Database {
    /// Opens the configured database. The client connects in the background.
    ///
    /// A write is acknowledged once a majority has it in its journal on disk, so it survives the loss of a machine.
    pub async fn open(
        config: &MongoConfig,
        service: &str,
        metrics: &Metrics,
    ) -> Result<Self, StoreError> {
        let mut options = ClientOptions::parse(config.uri.expose_secret()).await?;
        options.app_name = Some(service.to_owned());
        options.connect_timeout = Some(Duration::from_secs(2));
        options.server_selection_timeout = Some(Duration::from_secs(3));
        options.max_pool_size = Some(POOL);
        options.heartbeat_freq = Some(HEARTBEAT);
        options.cmap_event_handler = Some(metrics::pool(metrics, POOL));
        options.write_concern = Some(
            WriteConcern::builder()
                .w(Acknowledgment::Majority)
                .journal(true)
                .build(),
        );
        options.read_concern = Some(ReadConcern::majority());
        options.selection_criteria =
            Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        let name = options
            .default_database
            .clone()
            .unwrap_or_else(|| service.to_owned());
        let client = Client::with_options(options)?;
        Ok(Self::on_server(client, &name, metrics))
    }
}
