//! Fixtures that several tests share: documents, background tasks, databases and streams.

use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use base::backoff::Backoff;
use bson::oid::ObjectId;
use messaging::RetryPolicy;
use mongo::{Database, MongoConfig};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use telemetry::metrics::Metrics;
use testkit::{MongoLink, Servers, TestApp};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than any operation takes that does not hang.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A document with an outbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Thing {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
}

/// A task that runs until it is stopped.
pub(crate) struct Running {
    stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start<F>(run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone()));
        Self { stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// A policy with short delays.
pub(crate) fn short_retries(tries: u64) -> RetryPolicy {
    RetryPolicy {
        tries,
        delays: Backoff::new(Duration::from_millis(10), Duration::from_millis(50)),
    }
}

/// The name of a new database or stream.
pub(crate) fn fresh_name() -> String {
    format!("mongo-{:016x}", rand::random::<u64>())
}

/// The address of a new database.
pub(crate) async fn fresh_uri() -> String {
    Servers::shared().await.mongo_uri(&fresh_name())
}

pub(crate) async fn fresh_database() -> Database {
    open(fresh_uri().await, &Metrics::none()).await
}

pub(crate) async fn open(uri: String, metrics: &Metrics) -> Database {
    let uri = SecretString::from(uri);
    let config = MongoConfig { uri };
    Database::open(&config, "test", metrics).await.unwrap()
}

/// A link to the database server, and the address of a new database behind it.
pub(crate) async fn mongo_link() -> (MongoLink, String) {
    let (direct, servers) = (fresh_uri().await, Servers::shared().await);
    let server = servers.mongo().address();
    let link = MongoLink::start(server.parse().unwrap()).await.unwrap();
    let uri = link.uri(&direct, server);
    (link, uri)
}

/// The event stream of the app.
pub(crate) async fn stream_of(app: &TestApp) -> Stream {
    let stream = app.broker().jetstream().get_stream(app.broker().stream());
    stream.await.unwrap()
}

/// Deletes the event stream with everything in it, and creates it again.
pub(crate) async fn recreate_stream(app: &TestApp) {
    let (broker, jetstream) = (app.broker(), app.broker().jetstream());
    jetstream.delete_stream(broker.stream()).await.unwrap();
    broker.ensure_streams().await.unwrap();
}
