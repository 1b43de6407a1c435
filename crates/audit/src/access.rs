//! The addresses of a fleet's servers, and read-only connections to them with timeouts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use async_nats::ConnectOptions;
use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use common::Timestamp;
use mongodb::options::{ClientOptions, ReadConcern};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use secrecy::{ExposeSecret, SecretString};

/// The queue groups, each of which must handle all of its events.
pub const QUEUE_GROUPS: [&str; 4] = [
    "expiration-service",
    "orders-service",
    "payments-service",
    "tickets-service",
];

/// How long a server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long a database query may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);

/// The servers that an audit reads.
#[derive(Debug, Clone)]
pub struct Access {
    /// The services' databases.
    pub databases: DatabaseUris,
    /// The broker.
    pub broker: BrokerAccess,
    /// The queue of expirations.
    pub queue: QueueAccess,
}

/// The connection strings of the services' databases, each of which names its database.
#[derive(Debug, Clone)]
pub struct DatabaseUris {
    /// Accounts.
    pub auth: SecretString,
    /// Tickets.
    pub tickets: SecretString,
    /// Orders, reservations, and replicas of tickets.
    pub orders: SecretString,
    /// Payments, and replicas of orders.
    pub payments: SecretString,
}

/// The broker and its stream.
#[derive(Debug, Clone)]
pub struct BrokerAccess {
    /// For instance `nats://nats-srv:4222`.
    pub url: String,
    /// The user to connect as, if the broker requires one.
    pub credentials: Option<Credentials>,
    /// The name of the stream of events.
    pub stream: String,
    /// The prefix of every subject.
    pub subject_prefix: String,
}

/// A user of the broker.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Its name, which is part of the subjects that it receives replies at.
    pub user: String,
    /// Its password.
    pub password: SecretString,
}

/// The queue of expirations.
#[derive(Debug, Clone)]
pub struct QueueAccess {
    /// A `redis://` URL.
    pub url: SecretString,
    /// The prefix of its keys.
    pub namespace: String,
}

/// The current time by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_milliseconds(0).plus(since_1970.unwrap_or_default())
}

/// The database that the connection string names, or `fallback`. Nothing is sent to it yet.
pub async fn open_database(uri: &SecretString, fallback: &str) -> Result<mongodb::Database> {
    let options = ClientOptions::parse(uri.expose_secret()).await;
    let mut options = options.context("the address of MongoDB")?;
    options.app_name = Some("audit".to_owned());
    options.connect_timeout = Some(TIMEOUT);
    options.server_selection_timeout = Some(TIMEOUT);
    // Only what a majority has is durable.
    options.read_concern = Some(ReadConcern::majority());
    let name = options.default_database.clone();
    let client = mongodb::Client::with_options(options)?;
    Ok(client.database(name.as_deref().unwrap_or(fallback)))
}

/// The answer of a query, or an error that names `what` if it fails or takes too long.
pub async fn within_timeout<T>(
    what: &str,
    query: impl Future<Output = mongodb::error::Result<T>> + Send,
) -> Result<T> {
    // Boxed: the driver's futures are large, and several of these wait at once.
    let answer = tokio::time::timeout(QUERY_TIMEOUT, Box::pin(query)).await;
    let answer = answer.with_context(|| format!("{what}: no answer within {QUERY_TIMEOUT:?}"))?;
    answer.with_context(|| what.to_owned())
}

impl BrokerAccess {
    /// Connects under this client name. Once connected, the client reconnects automatically.
    pub async fn connect(&self, name: &str) -> Result<jetstream::Context> {
        let options = match &self.credentials {
            None => ConnectOptions::new(),
            Some(Credentials { user, password }) => {
                let password = password.expose_secret().to_owned();
                ConnectOptions::with_user_and_password(user.clone(), password)
                    .custom_inbox_prefix(format!("_INBOX_{user}"))
            }
        };
        let client = options
            .name(name)
            .max_reconnects(None)
            .connection_timeout(TIMEOUT)
            .reconnect_delay_callback(|_| Duration::from_millis(200))
            .connect(&self.url);
        let client = client.await.context("NATS")?;
        Ok(ContextBuilder::new().timeout(TIMEOUT).build(client))
    }

    /// The name of the stream of dead letters.
    #[must_use]
    pub fn dead_letter_stream(&self) -> String {
        format!("{}-dead-letters", self.stream)
    }

    /// The subject without the prefix.
    #[must_use]
    pub fn without_prefix<'a>(&self, subject: &'a str) -> &'a str {
        subject
            .strip_prefix(&self.subject_prefix)
            .unwrap_or(subject)
    }
}

impl QueueAccess {
    /// Opens a new connection.
    pub async fn connect(&self) -> Result<MultiplexedConnection> {
        let client =
            redis::Client::open(self.url.expose_secret()).context("the address of Redis")?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT));
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        connection.await.context("Redis")
    }

    /// A key of the queue.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.namespace)
    }
}
