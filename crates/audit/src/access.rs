//! Where a fleet's servers are, and the connections to them. Everything is only read, and every answer is waited for a
//! bounded time.

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

/// The queue groups, each of which must hear of everything that concerns it.
pub const QUEUE_GROUPS: [&str; 4] = [
    "expiration-service",
    "orders-service",
    "payments-service",
    "tickets-service",
];

/// How long an answer of a server may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a database has for one question.
const QUESTION: Duration = Duration::from_secs(20);

/// Where everything is that an audit reads.
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

/// Where the broker is, and what is ours there.
#[derive(Debug, Clone)]
pub struct BrokerAccess {
    /// For instance `nats://nats-srv:4222`.
    pub url: String,
    /// Who asks, if the broker wants to know.
    pub credentials: Option<Credentials>,
    /// The name of the stream of events.
    pub stream: String,
    /// What is before every subject.
    pub subject_prefix: String,
}

/// A user of the broker.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Its name, which is part of the subjects that it is replied to at.
    pub user: String,
    /// What it proves itself with.
    pub password: SecretString,
}

/// Where the queue of expirations is.
#[derive(Debug, Clone)]
pub struct QueueAccess {
    /// A `redis://` URL.
    pub url: SecretString,
    /// What the keys begin with.
    pub namespace: String,
}

/// The time of day by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_milliseconds(0).plus(since_1970.unwrap_or_default())
}

/// The database that the connection string names, or `fallback`. Nothing is sent there yet.
pub async fn open_database(uri: &SecretString, fallback: &str) -> Result<mongodb::Database> {
    let options = ClientOptions::parse(uri.expose_secret()).await;
    let mut options = options.context("the address of MongoDB")?;
    options.app_name = Some("audit".to_owned());
    options.connect_timeout = Some(PATIENCE);
    options.server_selection_timeout = Some(PATIENCE);
    // What is not on disk with a majority is nothing that anybody may count on.
    options.read_concern = Some(ReadConcern::majority());
    let name = options.default_database.clone();
    let client = mongodb::Client::with_options(options)?;
    Ok(client.database(name.as_deref().unwrap_or(fallback)))
}

/// What the database answers, if it does in time.
pub async fn answered<T>(
    what: &str,
    question: impl Future<Output = mongodb::error::Result<T>> + Send,
) -> Result<T> {
    // Boxed: the driver's futures are large, and several of these wait at once.
    let answer = tokio::time::timeout(QUESTION, Box::pin(question)).await;
    let answer = answer.with_context(|| format!("{what}: no answer within {QUESTION:?}"))?;
    answer.with_context(|| what.to_owned())
}

impl BrokerAccess {
    /// Connects under this name; once connected, the client reconnects by itself.
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
            .connection_timeout(PATIENCE)
            .reconnect_delay_callback(|_| Duration::from_millis(200))
            .connect(&self.url);
        let client = client.await.context("NATS")?;
        Ok(ContextBuilder::new().timeout(PATIENCE).build(client))
    }

    /// The name of the stream of dead letters.
    #[must_use]
    pub fn dead_letter_stream(&self) -> String {
        format!("{}-dead-letters", self.stream)
    }

    /// The fleet's own name of a subject at the broker.
    #[must_use]
    pub fn without_prefix<'a>(&self, subject: &'a str) -> &'a str {
        subject
            .strip_prefix(&self.subject_prefix)
            .unwrap_or(subject)
    }
}

impl QueueAccess {
    /// A connection of its own.
    pub async fn connect(&self) -> Result<MultiplexedConnection> {
        let client =
            redis::Client::open(self.url.expose_secret()).context("the address of Redis")?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        connection.await.context("Redis")
    }

    /// A key of the queue's.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.namespace)
    }
}
