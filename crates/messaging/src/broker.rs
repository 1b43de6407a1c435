//! The connection to NATS, and publishing with acknowledgement.

mod config;
mod streams;

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream;
use async_nats::jetstream::context::{
    CreateStreamError, GetStreamError, PublishError, PublishErrorKind,
};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{ConnectOptions, HeaderName};
use base::backoff::Backoff;
use base::definition::Definition;
use common::{Event, Subject, Timestamp};
use secrecy::ExposeSecret;
use telemetry::TraceContext;
use telemetry::metrics::Metrics;
use tokio::time::timeout;
use tracing::Instrument;

use super::metrics::BrokerMetrics;
use super::permissions::inbox_prefix;
use super::trace;

pub use config::{BrokerConfig, Credentials};

/// The oldest server that supports consumers with several filters and all settings that we send.
const OLDEST_SERVER: (u64, u64) = (2, 12);

const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

// Headers of CloudEvents' NATS binding, binary mode.
const SPEC_VERSION: HeaderName = HeaderName::from_static("ce-specversion");
const TYPE: HeaderName = HeaderName::from_static("ce-type");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");

/// A failed operation at the broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No connection.
    #[error("NATS connection: {0}")]
    Connect(#[from] async_nats::ConnectError),
    /// The server is older than [`OLDEST_SERVER`] and would silently ignore settings that we need.
    #[error("NATS server {0} is too old, 2.12 or later is needed")]
    TooOld(String),
    /// A stream could not be created.
    #[error("JetStream stream: {0}")]
    Stream(#[from] CreateStreamError),
    /// The information about a stream could not be read.
    #[error("JetStream stream: {0}")]
    StreamInfo(#[from] GetStreamError),
    /// The service's definition does not list the event's subject among those that it publishes.
    #[error("{0} is not an event of this service")]
    UndeclaredSubject(Subject),
    /// The stream did not accept a message.
    #[error("JetStream publish: {0}")]
    Publish(PublishError),
    /// The message could not be sent in time, or the stream did not acknowledge it in time.
    #[error("JetStream did not acknowledge within {PUBLISH_TIMEOUT:?}")]
    Timeout,
    /// A message could not be read from the stream.
    #[error("JetStream read: {0}")]
    Read(String),
    /// A consumer could not be created or read.
    #[error("JetStream consumer: {0}")]
    Consumer(String),
}

impl BrokerError {
    /// Whether publishing the message again would always fail.
    pub(super) fn is_permanent(&self) -> bool {
        match self {
            Self::UndeclaredSubject(_) => true,
            Self::Publish(error) => error.kind() == PublishErrorKind::MaxPayloadExceeded,
            _ => false,
        }
    }
}

impl From<PublishError> for BrokerError {
    fn from(error: PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::TimedOut => Self::Timeout,
            _ => Self::Publish(error),
        }
    }
}

/// An event to be published.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Globally unique. The broker drops a second message with the same id.
    pub id: String,
    /// Its subject, without the configured prefix.
    pub subject: Subject,
    /// Its JSON.
    pub body: String,
    /// When the change happened that it reports.
    pub time: Timestamp,
    /// The trace context of that change; none for a re-emission.
    pub cause: Option<TraceContext>,
}

impl Outgoing {
    /// The event as a message with the given id.
    #[must_use]
    pub fn new(id: String, event: &Event, time: Timestamp) -> Self {
        Self {
            id,
            subject: event.subject(),
            body: event.to_json(),
            time,
            cause: None,
        }
    }

    /// The same message with this trace context.
    #[must_use]
    pub fn caused_by(self, cause: Option<TraceContext>) -> Self {
        Self { cause, ..self }
    }
}

/// A destination of events: the broker, or that of the simulation.
pub trait Publisher: Clone + Send + Sync + 'static {
    /// Publishes, and returns once the stream has stored the message. The stream stores the same message only once.
    fn publish(&self, message: &Outgoing) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// The subjects that this release publishes. A release that runs at the same time may publish others.
    fn publishes(&self) -> &[Subject];
}

/// A connection to the broker. Clones share it.
#[derive(Debug, Clone)]
pub struct Broker {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    config: BrokerConfig,
    service: &'static str,
    /// The service as a path, for the header `ce-source`.
    source: String,
    publishes: &'static [Subject],
    updates_streams: bool,
    metrics: BrokerMetrics,
}

impl Broker {
    /// Connects, refuses a server that is too old, and creates missing streams.
    ///
    /// Once connected, the client reconnects automatically, without a limit of attempts.
    pub async fn connect(
        config: &BrokerConfig,
        service: &'static str,
    ) -> Result<Self, BrokerError> {
        let everything = Definition {
            publishes: &Subject::ALL,
            updates_streams: true,
            ..Definition::new(service)
        };
        Self::connect_as(config, &everything).await
    }

    /// Like [`connect`](Self::connect), for a service that may only publish what its definition lists, and that only
    /// updates the settings of the streams if its definition says so.
    pub async fn connect_as(
        config: &BrokerConfig,
        definition: &Definition,
    ) -> Result<Self, BrokerError> {
        let client = options(config)
            .name(&config.client_id)
            .max_reconnects(None)
            .connection_timeout(Duration::from_secs(3))
            .ping_interval(Duration::from_secs(10))
            .reconnect_delay_callback(reconnect_delay)
            .connect(&config.url)
            .await?;
        let version = client.server_info().version;
        if server_version(&version) < OLDEST_SERVER {
            return Err(BrokerError::TooOld(version));
        }
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(PUBLISH_TIMEOUT)
            .build(client.clone());
        let broker = Self {
            client,
            jetstream,
            config: config.clone(),
            service: definition.name,
            source: format!("/{}", definition.name),
            publishes: definition.publishes,
            updates_streams: definition.updates_streams,
            metrics: BrokerMetrics::none(),
        };
        broker.ensure_streams().await?;
        Ok(broker)
    }

    /// The same connection, which records its metrics here.
    #[must_use]
    pub fn with_metrics(mut self, metrics: &Metrics) -> Self {
        self.metrics = BrokerMetrics::of(&self.client, metrics);
        self
    }

    /// The metrics of the service that owns the connection.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics.metrics
    }

    /// Publishes, and returns once the stream has stored the message.
    pub async fn publish(&self, message: &Outgoing) -> Result<(), BrokerError> {
        if !self.publishes.contains(&message.subject) {
            return Err(BrokerError::UndeclaredSubject(message.subject));
        }
        let publication = self.publish_event(message);
        let publication = publication.instrument(trace::publish_span(message));
        self.metrics
            .time_publication(message.subject, publication)
            .await
    }

    async fn publish_event(&self, message: &Outgoing) -> Result<(), BrokerError> {
        let mut publish = PublishMessage::build()
            .message_id(&message.id)
            .header(SPEC_VERSION, "1.0")
            .header(trace::ID, message.id.as_str())
            .header(TYPE, message.subject.as_str())
            .header(SOURCE, self.source.as_str())
            .header(trace::TIME, message.time.to_string())
            .header(CONTENT_TYPE, "application/json")
            .payload(message.body.clone().into());
        // Without a span of our own, the context of the cause is passed on: others may record the trace.
        if let Some(cause) = &message.cause {
            for (name, value) in TraceContext::current().as_ref().unwrap_or(cause).headers() {
                publish = publish.header(name, value);
            }
        }
        self.publish_message(self.subject(message.subject), publish)
            .await
    }

    pub(super) async fn publish_message(
        &self,
        subject: String,
        publish: PublishMessage,
    ) -> Result<(), BrokerError> {
        let sent = self.jetstream.send_publish(subject, publish);
        let sent = timeout(PUBLISH_TIMEOUT, sent).await;
        // The client itself limits this wait to the same time.
        sent.map_err(|_| BrokerError::Timeout)??.await?;
        Ok(())
    }

    /// The subject with the configured prefix.
    #[must_use]
    pub fn subject(&self, subject: Subject) -> String {
        format!("{}{subject}", self.config.subject_prefix)
    }

    /// A subject without the configured prefix.
    pub(super) fn without_prefix<'a>(&self, subject: &'a str) -> &'a str {
        subject
            .strip_prefix(&self.config.subject_prefix)
            .unwrap_or(subject)
    }

    pub(super) fn dead_letter_subject(&self, consumer: &str, subject: &str) -> String {
        let prefix = &self.config.subject_prefix;
        format!(
            "{prefix}dead-letter.{consumer}.{}",
            self.without_prefix(subject)
        )
    }

    pub(super) fn dead_letter_stream(&self) -> String {
        self.config.dead_letter_stream()
    }

    /// The service that owns the connection.
    pub(super) const fn service(&self) -> &'static str {
        self.service
    }

    /// The event stream's name.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.config.stream
    }

    /// `JetStream`, for operations that this type does not offer.
    #[must_use]
    pub const fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// Whether the connection is established now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Sends buffered messages and closes the connection.
    pub async fn close(self) {
        if let Err(error) = self.client.drain().await {
            tracing::debug!(%error, "NATS connection was already closed");
        }
    }
}

/// The credentials, if configured. Replies then use an inbox of this user alone.
fn options(config: &BrokerConfig) -> ConnectOptions {
    match &config.credentials {
        None => ConnectOptions::new(),
        Some(Credentials { user, password }) => {
            let password = password.expose_secret().to_owned();
            ConnectOptions::with_user_and_password(user.clone(), password)
                .custom_inbox_prefix(inbox_prefix(user))
        }
    }
}

/// The delay before the next attempt to connect: at most a second, so that work resumes soon after an outage.
fn reconnect_delay(attempts: usize) -> Duration {
    let attempt = u64::try_from(attempts).unwrap_or(u64::MAX);
    Backoff::new(Duration::from_millis(50), Duration::from_secs(1)).delay_of(attempt)
}

impl Publisher for Broker {
    async fn publish(&self, message: &Outgoing) -> Result<(), BrokerError> {
        Self::publish(self, message).await
    }

    fn publishes(&self) -> &[Subject] {
        self.publishes
    }
}

fn server_version(version: &str) -> (u64, u64) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}
