//! One service inside the test's process, run as its `main` runs it, with its own database and stream.

mod builder;
mod event_stream;

use std::fmt;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use base::Clock;
use base::config::{Environment, ListenConfig};
use bson::doc;
use common::{Event, Id, Subject};
use futures::StreamExt;
use messaging::{Broker, BrokerConfig, DeadLetter, DeadLetters, Outgoing};
use mongo::new_id;
use mongodb::{Client, Database};
use service::lifecycle::{Listeners, RunError, run};
use telemetry;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::eventually::eventually;
use crate::http::Api;
use crate::metrics::Scrape;
use crate::namespace::Namespace;
use crate::servers::Servers;
pub use builder::TestAppBuilder;
use builder::{JWT_KEY, Launch, default_variables};
pub use event_stream::{EventStream, ServerSentEvent};

/// A service under test. End it with [`TestApp::finish`].
pub struct TestApp {
    builder: TestAppBuilder,
    launch: Launch,
    namespace: Namespace,
    base_url: String,
    admin_url: String,
    broker: Broker,
    database: Database,
    stop: CancellationToken,
    running: JoinHandle<Result<(), RunError>>,
}

impl fmt::Debug for TestApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestApp")
            .field("base_url", &self.base_url)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl TestApp {
    /// A builder for the service of this name.
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "a test reads `TestApp::new(…).start(…)`"
    )]
    pub fn new(name: &'static str) -> TestAppBuilder {
        TestAppBuilder {
            name,
            variables: Vec::new(),
            clock: Clock::system(),
            mongo_uri: std::sync::Arc::new(|uri| uri),
        }
    }

    async fn launch(builder: TestAppBuilder, launch: Launch, namespace: Namespace) -> Self {
        telemetry::log_tests();
        let servers = Servers::shared().await;
        let mut environment = Environment::of([
            ("BIND_ADDRESS".to_owned(), "127.0.0.1".to_owned()),
            ("PORT".to_owned(), "0".to_owned()),
            ("ADMIN_PORT".to_owned(), "0".to_owned()),
        ]);
        let listen = ListenConfig::read(&mut environment).expect("valid variables");
        let listeners = Listeners::bind(&listen).await.expect("free ports");
        let url = |listener: &tokio::net::TcpListener| {
            format!("http://{}", listener.local_addr().expect("a bound socket"))
        };
        let (base_url, admin_url) = (url(&listeners.api), url(&listeners.admin));
        // Connects directly, even if the service uses a proxy.
        let mut environment = Environment::of(default_variables(&namespace, servers));
        let config = BrokerConfig::read(&mut environment, "testkit").expect("valid variables");
        let broker = Broker::connect(&config, "testkit").await.expect("a broker");
        let mongo = Client::with_uri_str(servers.mongo_uri(namespace.database())).await;
        let database = mongo.expect("a database").database(namespace.database());
        let stop = CancellationToken::new();
        let build = launch(
            builder.environment(&namespace, servers),
            builder.clock.clone(),
        );
        let (sender, resyncs) = oneshot::channel();
        let build = async {
            let app = build.await?;
            // The receiver is gone if the test has ended.
            let _ = sender.send(app.resyncs());
            Ok(app)
        };
        let running = tokio::spawn(run(listeners, stop.clone(), build));
        let app = Self {
            builder,
            launch,
            namespace,
            base_url,
            admin_url,
            broker,
            database,
            stop,
            running,
        };
        app.wait_until_ready().await;
        if resyncs.await.expect("a ready service was built") {
            app.wait_until_filled().await;
        }
        app
    }

    async fn wait_until_ready(&self) {
        let admin = self.admin();
        eventually("the service is ready", async || {
            assert!(
                !self.running.is_finished(),
                "{} ended while starting",
                self.builder.name
            );
            (admin.get("/readyz").await.status == 200).then_some(())
        })
        .await;
    }

    /// Waits until it has published everything that it owns to its new stream. A test's writes must come after that.
    async fn wait_until_filled(&self) {
        let filled = self.database.collection::<bson::Document>("streams");
        eventually("the stream is filled", async || {
            filled.find_one(doc! {}).await.expect("a database")
        })
        .await;
    }

    /// The URL of its API.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Its database.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// Its unique names.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The broker with its streams.
    #[must_use]
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Its clock.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.builder.clock
    }

    /// The key of its session tokens.
    #[must_use]
    pub const fn jwt_key(&self) -> &'static str {
        JWT_KEY
    }

    /// A client that is not signed in.
    #[must_use]
    pub fn anonymous(&self) -> Api {
        Api::anonymous(&self.base_url)
    }

    /// A client of a new user.
    #[must_use]
    pub fn user(&self) -> Api {
        self.user_with_id(new_id())
    }

    /// A client of this user.
    #[must_use]
    pub fn user_with_id(&self, id: Id<common::id::kind::User>) -> Api {
        Api::signed_in(&self.base_url, JWT_KEY, id)
    }

    /// A client of its admin port.
    #[must_use]
    pub fn admin(&self) -> Api {
        Api::anonymous(&self.admin_url)
    }

    /// Its metrics.
    ///
    /// # Panics
    /// If the response is malformed.
    pub async fn metrics(&self) -> Scrape {
        let answer = self.admin().get("/metrics").await;
        Scrape::read(&answer.text).expect("valid metrics")
    }

    /// Publishes an event to its stream, as another service would.
    ///
    /// # Panics
    /// If the broker rejects it.
    pub async fn publish(&self, event: Event) {
        let id = format!("test-{}", new_id::<common::id::kind::User>());
        let message = Outgoing::new(id, &event, Clock::system().now());
        self.broker
            .publish(&message)
            .await
            .expect("a running broker");
    }

    /// Publishes an event again with a new message id, so that the broker does not drop it as a duplicate.
    pub async fn deliver_again(&self, event: Event) {
        self.publish(event).await;
    }

    /// Every event of this subject in the stream, in order.
    ///
    /// # Panics
    /// If the stream cannot be read.
    pub async fn published(&self, subject: Subject) -> Vec<Event> {
        let stream = self.broker.jetstream().get_stream(self.broker.stream());
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::All,
            filter_subject: self.broker.subject(subject),
            ..pull::OrderedConfig::default()
        };
        let stream = stream.await.expect("the test's stream");
        let mut consumer = stream.create_consumer(config).await.expect("a consumer");
        let waiting = consumer
            .info()
            .await
            .expect("a consumer's state")
            .num_pending;
        let messages = consumer.messages().await.expect("a subscription");
        messages
            .take(usize::try_from(waiting).expect("a small number"))
            .map(|message| {
                let message = message.expect("a message");
                Event::from_json(subject, &message.payload).expect("a valid event")
            })
            .collect()
            .await
    }

    /// Waits for the first event of this subject that fits.
    pub async fn expect_event(&self, subject: Subject, fits: impl Fn(&Event) -> bool) -> Event {
        eventually(&format!("a fitting {subject}"), async || {
            let published = self.published(subject).await;
            published.into_iter().find(&fits)
        })
        .await
    }

    /// Resets each `Idempotency-Key` to its state after a process died before it stored the result, and its lease
    /// ended.
    ///
    /// # Panics
    /// If the database rejects it.
    pub async fn forget_results(&self) {
        let keys = self
            .database
            .collection::<bson::Document>("idempotency_keys");
        let left = doc! {
            "$unset": { "answer": "" }, "$set": { "leased_until": bson::DateTime::from_millis(0) },
        };
        let forgotten = keys.update_many(doc! {}, left).await;
        forgotten.expect("a running database");
    }

    /// The dead letters so far.
    ///
    /// # Panics
    /// If the stream cannot be read.
    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        let letters = DeadLetters::new(self.broker.clone()).list(1_000).await;
        letters.expect("the dead letters")
    }

    /// Waits for a dead letter, and removes it from the stream.
    ///
    /// # Panics
    /// If none arrives.
    pub async fn take_dead_letter(&self) -> DeadLetter {
        let letter = eventually("a dead letter", async || {
            self.dead_letters().await.into_iter().next()
        })
        .await;
        let letters = DeadLetters::new(self.broker.clone());
        letters.discard(&letter).await.expect("the letter exists");
        letter
    }

    /// Shuts it down gracefully, and starts it again on the same data.
    ///
    /// # Panics
    /// If it does not stop or start.
    pub async fn restart(self) -> Self {
        let (builder, launch, namespace) = self.stop().await;
        Self::launch(builder, launch, namespace).await
    }

    /// Aborts it, as closely as a task can imitate a crash, and starts it again on the same data.
    pub async fn crash_and_restart(self) -> Self {
        self.running.abort();
        Self::launch(self.builder, self.launch, self.namespace).await
    }

    /// Starts a second replica on the same data. End it with [`TestApp::leave`].
    pub async fn replica(&self) -> Self {
        let builder = TestAppBuilder {
            name: self.builder.name,
            variables: self.builder.variables.clone(),
            clock: self.builder.clock.clone(),
            mongo_uri: std::sync::Arc::clone(&self.builder.mongo_uri),
        };
        Self::launch(builder, self.launch.clone(), self.namespace.clone()).await
    }

    /// Shuts it down gracefully, and keeps its data.
    pub async fn leave(self) {
        self.stop().await;
    }

    async fn stop(self) -> (TestAppBuilder, Launch, Namespace) {
        self.stop.cancel();
        let stopped = self.running.await.expect("the service did not panic");
        stopped.expect("the service shuts down gracefully");
        (self.builder, self.launch, self.namespace)
    }

    /// Shuts it down, removes its data, and checks that the shutdown succeeded and that no outbox entries and no dead
    /// letters remain.
    ///
    /// # Panics
    /// If a check fails.
    pub async fn finish(self) {
        let (database, broker) = (self.database.clone(), self.broker.clone());
        let letters = self.dead_letters().await;
        assert!(letters.is_empty(), "dead letters: {letters:?}");
        self.stop().await;
        let collections = database.list_collection_names().await.expect("a database");
        for name in collections {
            let waiting = database.collection::<bson::Document>(&name);
            let waiting = waiting
                .find_one(doc! { "outbox.0": { "$exists": true } })
                .await;
            let waiting = waiting.expect("a database");
            assert!(
                waiting.is_none(),
                "left in the outbox of {name}: {waiting:?}"
            );
        }
        database.drop().await.expect("a database");
        let stream = broker.stream();
        for stream in [stream.to_owned(), format!("{stream}-dead-letters")] {
            let deleted = broker.jetstream().delete_stream(stream).await;
            deleted.expect("a stream");
        }
    }
}
