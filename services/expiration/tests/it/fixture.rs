//! The environment of a test: separate names on the servers, the service's real process, and its expirations.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, PullConsumer, pull};
use base::{Clock, Environment};
use common::id::kind;
use common::{Event, Id, Subject, Timestamp};
use expiration::queue::{Job, JobQueue, RedisConfig};
use futures::{StreamExt, TryStreamExt};
use messaging::{Broker, BrokerConfig, Outgoing};
use mongo::new_id;
use testkit::process::Process;
use testkit::progress::ToStderr;
use testkit::servers::ServersSettings;
use testkit::{Namespace, Servers, eventually_within};
use tokio::process::Command;
use tokio::sync::RwLock;
use tokio::time::{Instant, timeout_at};

/// Tests of punctuality take this lock for reading. A test that loads the machine for long takes it for writing.
pub(crate) static MACHINE: RwLock<()> = RwLock::const_new(());

/// How long tests wait for most things.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A published expiration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expired {
    pub(crate) due: Timestamp,
    pub(crate) published: Timestamp,
}

pub(crate) struct Fixture {
    variables: Vec<(&'static str, String)>,
    broker: Broker,
    own_servers: Option<Servers>,
}

impl Fixture {
    /// A fixture on the servers that all tests share.
    pub(crate) async fn start() -> Self {
        Self::on(Servers::shared().await).await
    }

    /// A fixture on its own servers, which the test may stop.
    pub(crate) async fn with_own_servers() -> Self {
        let settings = ServersSettings {
            given: false,
            folder: None,
            progress: Arc::new(ToStderr),
        };
        let servers = Servers::start(settings).await.unwrap();
        let fixture = Self::on(&servers).await;
        Self {
            own_servers: Some(servers),
            ..fixture
        }
    }

    async fn on(servers: &Servers) -> Self {
        let namespace = Namespace::fresh();
        let variables = vec![
            ("NATS_URL", servers.nats_url()),
            ("NATS_CLUSTER_ID", namespace.stream().to_owned()),
            ("NATS_SUBJECT_PREFIX", namespace.subject_prefix().to_owned()),
            ("REDIS_HOST", servers.redis_url()),
            ("REDIS_NAMESPACE", namespace.stream().to_owned()),
            ("BIND_ADDRESS", "127.0.0.1".to_owned()),
            ("PORT", "0".to_owned()),
            ("ADMIN_PORT", "0".to_owned()),
        ];
        let config = BrokerConfig::read(&mut environment(&variables), "test").unwrap();
        let broker = Broker::connect(&config, "test").await.unwrap();
        Self {
            variables,
            broker,
            own_servers: None,
        }
    }

    pub(crate) const fn own_servers(&self) -> &Servers {
        self.own_servers.as_ref().unwrap()
    }

    pub(crate) const fn broker(&self) -> &Broker {
        &self.broker
    }

    pub(crate) fn queue(&self) -> JobQueue {
        let config = RedisConfig::read(&mut environment(&self.variables)).unwrap();
        JobQueue::open(&config, Clock::system()).unwrap()
    }

    pub(crate) async fn schedule(&self, jobs: &[Job]) {
        self.queue().schedule(jobs).await.unwrap();
    }

    /// Starts the service's binary.
    pub(crate) async fn process(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_expiration"));
        command
            .env_clear()
            .envs(self.variables.iter().cloned())
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null());
        Process::start(command).await.unwrap()
    }

    pub(crate) async fn publish(&self, event: Event) {
        let id = format!("test-{}", new_id::<kind::User>());
        let message = Outgoing::new(id, &event, Clock::system().now());
        self.broker.publish(&message).await.unwrap();
    }

    /// See [`expired_within`].
    pub(crate) async fn expired(&self, count: usize) -> BTreeMap<Id<kind::Order>, Expired> {
        expired_within(TIMEOUT, &self.broker, count).await
    }

    /// The prefix of the queue's keys.
    pub(crate) fn namespace(&self) -> String {
        let config = RedisConfig::read(&mut environment(&self.variables));
        config.unwrap().namespace
    }

    /// A Redis client, for what the queue does not offer.
    pub(crate) fn redis(&self) -> redis::Client {
        let (_, url) = &self.variables[3];
        redis::Client::open(url.as_str()).unwrap()
    }

    /// Deletes all keys of the queue, as if Redis had lost its data.
    pub(crate) async fn empty_queue(&self) {
        let connection = self.redis().get_multiplexed_async_connection().await;
        let mut connection = connection.unwrap();
        let keys = keys(&mut connection, &self.namespace()).await;
        if !keys.is_empty() {
            let mut delete = redis::cmd("DEL");
            let () = delete.arg(keys).query_async(&mut connection).await.unwrap();
        }
    }

    /// Stops these processes, and removes the streams or the fixture's own servers.
    ///
    /// # Panics
    /// If a process does not stop successfully.
    pub(crate) async fn finish(self, processes: impl IntoIterator<Item = Process>) {
        for process in processes {
            assert!(process.stop(TIMEOUT).await.success());
        }
        if let Some(servers) = self.own_servers {
            return servers.stop().await;
        }
        let stream = self.broker.stream().to_owned();
        for stream in [stream.clone(), format!("{stream}-dead-letters")] {
            self.broker.jetstream().delete_stream(stream).await.unwrap();
        }
    }
}

/// All keys of the namespace.
pub(crate) async fn keys(
    connection: &mut redis::aio::MultiplexedConnection,
    namespace: &str,
) -> Vec<String> {
    let mut keys = redis::cmd("KEYS");
    keys.arg(format!("{namespace}:*"));
    keys.query_async(connection).await.unwrap()
}

fn environment(variables: &[(&'static str, String)]) -> Environment {
    let variables = variables.iter();
    Environment::of(variables.map(|(name, value)| ((*name).to_owned(), value.clone())))
}

/// Waits until `count` orders have expired, and returns the first expiration of each.
///
/// # Panics
/// If fewer expire before the timeout.
pub(crate) async fn expired_within(
    limit: Duration,
    broker: &Broker,
    count: usize,
) -> BTreeMap<Id<kind::Order>, Expired> {
    let deadline = Instant::now() + limit;
    let stream = broker.jetstream().get_stream(broker.stream());
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::All,
        filter_subject: broker.subject(Subject::ExpirationComplete),
        ..pull::OrderedConfig::default()
    };
    let consumer = stream.await.unwrap().create_consumer(config).await;
    let mut messages = consumer.unwrap().messages().await.unwrap();
    let mut expired = BTreeMap::new();
    while expired.len() < count {
        let next = timeout_at(deadline, messages.next()).await;
        let Ok(next) = next else {
            panic!(
                "{} of {count} orders expired within {limit:?}",
                expired.len()
            );
        };
        // A restart of the broker interrupts the subscription, which then continues.
        let Some(Ok(message)) = next else { continue };
        let published = message.info().unwrap().published.unix_timestamp_nanos() / 1_000_000;
        let event = Event::from_json(Subject::ExpirationComplete, &message.payload).unwrap();
        let Event::ExpirationComplete(expiration) = event else {
            unreachable!("the subject determines the event");
        };
        expired.entry(expiration.order_id).or_insert(Expired {
            due: expiration.expires_at,
            published: Timestamp::from_milliseconds(i64::try_from(published).unwrap()),
        });
    }
    expired
}

/// Waits until the service has handled all events.
pub(crate) async fn wait_until_consumed(broker: &Broker, limit: Duration) {
    let stream = broker.jetstream().get_stream(broker.stream());
    let stream = stream.await.unwrap();
    eventually_within(limit, "all events are consumed", async || {
        let consumer = stream.get_consumer("expiration-service").await;
        let mut consumer: PullConsumer = consumer.map_err(|error| error.to_string())?;
        let info = consumer.info().await.map_err(|error| error.to_string())?;
        match (info.num_pending, info.num_ack_pending) {
            (0, 0) => Ok(()),
            left => Err(format!("{left:?} events left")),
        }
    })
    .await;
}

/// The number of expirations in the stream.
pub(crate) async fn expirations(broker: &Broker) -> usize {
    let stream = broker.jetstream().get_stream(broker.stream());
    let subject = broker.subject(Subject::ExpirationComplete);
    let info = stream.await.unwrap().info_with_subjects(subject).await;
    let mut subjects = info.unwrap();
    let mut count = 0;
    while let Some(subject) = subjects.try_next().await.unwrap() {
        count += subject.1;
    }
    count
}

/// Asserts that no expiration was published before it was due or later than `limit` after that.
pub(crate) fn assert_punctual<'a>(expired: impl IntoIterator<Item = &'a Expired>, limit: Duration) {
    let mut worst = Duration::ZERO;
    for expired in expired {
        assert!(expired.published >= expired.due, "early: {expired:?}");
        worst = worst.max(expired.published.since(expired.due));
    }
    println!("late by {worst:?} at most");
    assert!(worst <= limit, "late by {worst:?}");
}
