//! The connection to NATS, the streams, and publishing with acknowledgement.

use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::connection::State;
use async_nats::jetstream::context::{CreateStreamError, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{self, ErrorCode, stream};
use common::{Event, Subject, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use tracing::Instrument;

use super::measured::Connection;
use super::permissions::inbox_prefix;
use super::trace;
use crate::backoff::Backoff;
use crate::config::Environment;
use crate::definition::Definition;
use crate::metrics::Metrics;
use crate::telemetry::TraceContext;

/// The oldest server whose consumers honour several filters and all the settings that we send.
const OLDEST_SERVER: (u64, u64) = (2, 12);

/// How long the broker remembers message ids: longer than any relay waits before it publishes an entry again.
const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(10);

/// How long events stay in the stream; state older than that comes back by re-emission.
const EVENT_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// How long dead letters wait for somebody to look at them.
const DEAD_LETTER_LIFETIME: Duration = Duration::from_hours(30 * 24);

const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the broker is and what our stream there is called.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// `NATS_URL`, for instance `nats://nats-srv:4222`.
    pub url: String,
    /// `NATS_CLUSTER_ID` (default `ticketing`): the stream's name.
    pub stream: String,
    /// `NATS_CLIENT_ID` (default the service's name): what the connection is called in the broker's monitoring.
    pub client_id: String,
    /// `NATS_SUBJECT_PREFIX` (default empty): put before every subject, so that several fleets share a broker.
    pub subject_prefix: String,
    /// `NATS_STREAM_REPLICAS` (default 1): how many servers keep a copy of the stream.
    pub replicas: usize,
    /// `NATS_USER` and `NATS_PASSWORD` (default neither): whose connection it is.
    pub credentials: Option<Credentials>,
}

/// A user of the broker.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `NATS_USER`: its name, which is part of the subjects that it is replied to at.
    pub user: String,
    /// `NATS_PASSWORD`
    pub password: SecretString,
}

impl BrokerConfig {
    /// Reads the `NATS_…` variables.
    pub fn read(environment: &mut Environment, service: &str) -> Option<Self> {
        let url = environment.required::<String>("NATS_URL");
        let stream = environment.with_default("NATS_CLUSTER_ID", "ticketing".to_owned());
        let client_id = environment.with_default("NATS_CLIENT_ID", service.to_owned());
        let subject_prefix = environment.with_default("NATS_SUBJECT_PREFIX", String::new());
        let replicas = environment.with_default("NATS_STREAM_REPLICAS", 1);
        let credentials = Credentials::read(environment);
        let stream = stream?;
        if !is_token(&stream) {
            return environment.fault("NATS_CLUSTER_ID", "must be letters, digits, - and _");
        }
        let replicas = replicas?;
        if !(1..=5).contains(&replicas) {
            return environment.fault("NATS_STREAM_REPLICAS", "must be 1 to 5");
        }
        Some(Self {
            url: url?,
            stream,
            client_id: client_id?,
            subject_prefix: subject_prefix?,
            replicas,
            credentials: credentials?,
        })
    }

    pub(crate) fn dead_letter_stream(&self) -> String {
        format!("{}-dead-letters", self.stream)
    }
}

impl Credentials {
    /// `None` after taking note of a fault.
    #[expect(clippy::option_option, reason = "to have none is no fault")]
    fn read(environment: &mut Environment) -> Option<Option<Self>> {
        let user: Option<String> = environment.optional("NATS_USER");
        let password = environment.optional_secret("NATS_PASSWORD");
        match (user, password) {
            (None, None) => Some(None),
            (Some(user), Some(_)) if !is_token(&user) => {
                environment.fault("NATS_USER", "must be letters, digits, - and _")
            }
            (Some(user), Some(password)) => Some(Some(Self { user, password })),
            (Some(_), None) => environment.fault("NATS_PASSWORD", "must be set, as NATS_USER is"),
            (None, Some(_)) => environment.fault("NATS_USER", "must be set, as NATS_PASSWORD is"),
        }
    }
}

/// Whether it can be a part of a subject.
fn is_token(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// The broker could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No connection.
    #[error("NATS connection: {0}")]
    Connect(#[from] async_nats::ConnectError),
    /// The server is older than [`OLDEST_SERVER`] and would silently ignore settings that we rely on.
    #[error("NATS server {0} is too old, 2.12 or later is needed")]
    TooOld(String),
    /// A stream could not be made.
    #[error("JetStream stream: {0}")]
    Stream(#[from] CreateStreamError),
    /// A stream could not be looked at.
    #[error("JetStream stream: {0}")]
    Look(#[from] GetStreamError),
    /// The event is not among those that the service's definition says it tells.
    #[error("{0} is not an event of this service")]
    NotOurs(Subject),
    /// A message was not acknowledged by the stream.
    #[error("JetStream publish: {0}")]
    Publish(#[from] jetstream::context::PublishError),
    /// The stream's acknowledgement did not come in time.
    #[error("JetStream did not acknowledge within {PUBLISH_TIMEOUT:?}")]
    Timeout,
    /// A message could not be read from the stream.
    #[error("JetStream read: {0}")]
    Read(String),
    /// A consumer could not be made or read.
    #[error("JetStream consumer: {0}")]
    Consumer(String),
}

/// An event on its way out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Globally unique; a second message with the same id is dropped by the broker.
    pub id: String,
    /// Where it goes.
    pub subject: Subject,
    /// Its JSON.
    pub body: String,
    /// When what it tells of happened.
    pub time: Timestamp,
    /// Where in a trace that was; none if it is told again.
    pub cause: Option<TraceContext>,
}

impl Outgoing {
    /// The event as a message of its own, with the given id.
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

    /// The same, caused at this place in a trace.
    #[must_use]
    pub fn caused_by(self, cause: Option<TraceContext>) -> Self {
        Self { cause, ..self }
    }
}

/// Where events go: the broker, or the simulation's.
pub trait Publisher: Clone + Send + Sync + 'static {
    /// Publishes, and returns once the stream has the message on file. Publishing the same message twice is publishing
    /// it once.
    fn publish(&self, message: &Outgoing) -> impl Future<Output = Result<(), BrokerError>> + Send;
}

/// A connection to the broker. Clones share it.
#[derive(Debug, Clone)]
pub struct Broker {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    config: BrokerConfig,
    service: &'static str,
    publishes: &'static [Subject],
    keeps_streams: bool,
    measured: Connection,
}

impl Broker {
    /// Connects, refuses a server that is too old, and makes sure that the streams are there.
    ///
    /// Once connected, the client reconnects by itself for ever.
    pub async fn connect(
        config: &BrokerConfig,
        service: &'static str,
    ) -> Result<Self, BrokerError> {
        let everything = Definition {
            publishes: &Subject::ALL,
            keeps_streams: true,
            ..Definition::new(service)
        };
        Self::connect_as(config, &everything).await
    }

    /// As [`connect`](Self::connect), for a service that tells nothing but what its definition says, and leaves the
    /// streams as they are unless it keeps them.
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
            publishes: definition.publishes,
            keeps_streams: definition.keeps_streams,
            measured: Connection::unmeasured(),
        };
        broker.ensure_streams().await?;
        Ok(broker)
    }

    /// The same connection, measured.
    #[must_use]
    pub fn measured_by(mut self, metrics: &Metrics) -> Self {
        self.measured = Connection::of(&self.client, metrics);
        self
    }

    /// What it is measured by: the metrics of the service whose connection it is.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.measured.metrics
    }

    /// Makes the streams, or brings their settings up to date; as often as one likes. Gives what the broker says of the
    /// event stream.
    pub async fn ensure_streams(&self) -> Result<stream::Info, BrokerError> {
        let events = stream::Config {
            name: self.config.stream.clone(),
            description: Some("Events of the ticketing fleet".to_owned()),
            subjects: Subject::ALL.map(|subject| self.subject(subject)).to_vec(),
            max_age: EVENT_LIFETIME,
            duplicate_window: DEDUPLICATION_WINDOW,
            ..self.stream_defaults()
        };
        let dead_letters = stream::Config {
            name: self.dead_letter_stream(),
            description: Some(
                "Events that a consumer could not handle, with the reason".to_owned(),
            ),
            subjects: vec![format!("{}dead-letter.>", self.config.subject_prefix)],
            max_age: DEAD_LETTER_LIFETIME,
            ..self.stream_defaults()
        };
        let info = self.ensure_stream(events).await?;
        self.ensure_stream(dead_letters).await?;
        Ok(info)
    }

    /// Makes the stream if it is not there. One that is there is only changed by the service that keeps the streams, and
    /// only if it has to be.
    async fn ensure_stream(&self, wanted: stream::Config) -> Result<stream::Info, BrokerError> {
        let is = match self.jetstream.get_stream(&wanted.name).await {
            Ok(stream) => stream.cached_info().clone(),
            Err(error) if is_missing(&error) => {
                return Ok(self
                    .jetstream
                    .create_stream(wanted)
                    .await?
                    .cached_info()
                    .clone());
            }
            Err(error) => return Err(error.into()),
        };
        let wanted = as_wanted(&is.config, &wanted);
        if wanted == is.config || !self.keeps_streams {
            return Ok(is);
        }
        Ok(self.jetstream.update_stream(wanted).await?)
    }

    /// When the event of this number came, in nanoseconds since 1970; `None` if the stream has none of that number.
    pub(super) async fn time_of(&self, sequence: u64) -> Result<Option<i128>, BrokerError> {
        let read = |error: &dyn std::fmt::Display| BrokerError::Read(error.to_string());
        let stream = self.jetstream.get_stream_no_info(self.stream()).await;
        let stream = stream.map_err(|error| read(&error))?;
        match stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message.time.unix_timestamp_nanos())),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(read(&error)),
        }
    }

    fn stream_defaults(&self) -> stream::Config {
        stream::Config {
            retention: stream::RetentionPolicy::Limits,
            storage: stream::StorageType::File,
            num_replicas: self.config.replicas,
            allow_direct: true,
            ..stream::Config::default()
        }
    }

    /// Publishes, and returns once the stream has the message on file.
    pub async fn publish(&self, message: &Outgoing) -> Result<(), BrokerError> {
        if !self.publishes.contains(&message.subject) {
            return Err(BrokerError::NotOurs(message.subject));
        }
        let publication = self.publish_event(message);
        let publication = publication.instrument(trace::publishing(message));
        self.measured.publishing(message.subject, publication).await
    }

    async fn publish_event(&self, message: &Outgoing) -> Result<(), BrokerError> {
        let mut publish = PublishMessage::build()
            .message_id(&message.id)
            // CloudEvents' NATS binding, binary mode.
            .header("ce-specversion", "1.0")
            .header("ce-id", message.id.as_str())
            .header("ce-type", message.subject.as_str())
            .header("ce-source", format!("/{}", self.service).as_str())
            .header(trace::TIME, message.time.to_string().as_str())
            .header("content-type", "application/json")
            .payload(message.body.clone().into());
        // What is not recorded here may be at others.
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
        let acknowledged = async {
            self.jetstream.send_publish(subject, publish).await?.await?;
            Ok(())
        };
        timeout(PUBLISH_TIMEOUT, acknowledged)
            .await
            .unwrap_or(Err(BrokerError::Timeout))
    }

    /// The subject with the configured prefix.
    #[must_use]
    pub fn subject(&self, subject: Subject) -> String {
        format!("{}{subject}", self.config.subject_prefix)
    }

    /// The subject of ours behind a subject on the wire.
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

    /// Whose connection it is.
    pub(super) const fn service(&self) -> &'static str {
        self.service
    }

    /// The event stream's name.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.config.stream
    }

    /// `JetStream`, for what this type does not offer.
    #[must_use]
    pub const fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// Whether the connection stands at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Sends what is buffered and closes the connection.
    pub async fn close(self) {
        if let Err(error) = self.client.drain().await {
            tracing::debug!(%error, "NATS connection was closed already");
        }
    }
}

/// What is said when connecting: who we are, if the broker wants to know. Replies come to the user alone.
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

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(reason) if reason.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// The stream's settings with those that are ours as they should be. Others, such as the broker's own notes, stay.
fn as_wanted(is: &stream::Config, wanted: &stream::Config) -> stream::Config {
    stream::Config {
        description: wanted.description.clone(),
        subjects: wanted.subjects.clone(),
        max_age: wanted.max_age,
        duplicate_window: match wanted.duplicate_window {
            Duration::ZERO => is.duplicate_window,
            window => window,
        },
        retention: wanted.retention,
        storage: wanted.storage,
        num_replicas: wanted.num_replicas,
        allow_direct: wanted.allow_direct,
        ..is.clone()
    }
}

/// How long to wait before the connection is tried again: at most a second, so that what an outage held up goes on soon
/// after its end.
fn reconnect_delay(attempts: usize) -> Duration {
    let attempt = u64::try_from(attempts).unwrap_or(u64::MAX);
    Backoff::new(Duration::from_millis(50), Duration::from_secs(1)).delay_of(attempt)
}

impl Publisher for Broker {
    async fn publish(&self, message: &Outgoing) -> Result<(), BrokerError> {
        Self::publish(self, message).await
    }
}

fn server_version(version: &str) -> (u64, u64) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}
