//! One client a process, bounded in its pool and its patience.

use std::time::Duration;

use mongodb::Client;
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use secrecy::{ExposeSecret, SecretString};

use super::{Database, StoreError, metrics};
use base::config::Environment;
use telemetry::metrics::Metrics;

/// The most connections of a process: more than its concurrent requests, events, relays and sweeps, so that none waits.
const POOL: u32 = 256;

/// How often the driver looks whether the server answers; what hung is noticed after one look that failed.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Where a service's database is.
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
    /// A client for the configured database; it connects in the background.
    ///
    /// Writes are acknowledged by a majority with its journal on disk, so that what was acknowledged survives the
    /// loss of a machine.
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
