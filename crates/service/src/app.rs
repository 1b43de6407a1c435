//! The parts of a service: its routes, background tasks, readiness checks, and connections to close.

use std::time::Duration;

use axum::routing::{get, post};
use axum::{Json, Router};
use base::backoff::Backoff;
use base::definition::Definition;
use base::origin::Origin;
use futures::future::BoxFuture;
use messaging::feed::FeedReader;
use messaging::resync::Resync;
use messaging::{Broker, BrokerConfig, BrokerError, Consumer, Handler, Relay};
use mongo::{Database, MongoConfig, StoreError};
use telemetry::metrics::Metrics;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use web::{self, Admission, ApiError, Idempotency, openapi};

use crate::admin::{self, ReadinessCheck};

type Task = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;
type Closer = BoxFuture<'static, ()>;

/// Why a service cannot start. Waiting does not help.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An operation of the database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An operation of the broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A built service, ready to run by [`lifecycle`](crate::lifecycle).
pub struct App {
    pub(crate) routes: Admission,
    pub(crate) admin: Router,
    pub(crate) checks: Vec<ReadinessCheck>,
    pub(crate) intake: Vec<Task>,
    pub(crate) relays: Vec<Task>,
    pub(crate) closers: Vec<Closer>,
    pub(crate) metrics: Metrics,
    definition: &'static Definition,
    has_consumer: bool,
    has_feed: bool,
    resyncs: bool,
}

impl App {
    /// A service with these routes and their OpenAPI document. It accepts writes from pages of `origin` and of the
    /// request's own host. Every POST accepts an `Idempotency-Key`.
    ///
    /// # Panics
    /// If the definition does not include a route's path, or if there is a POST but no `idempotency`.
    pub fn new<S>(
        definition: &'static Definition,
        origin: Option<&Origin>,
        metrics: Metrics,
        routes: OpenApiRouter<S>,
        state: S,
        idempotency: Option<Idempotency>,
    ) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        let (endpoints, description) = routes.split_for_parts();
        let description = openapi::complete(definition.name, description);
        for path in description.paths.paths.keys() {
            assert!(definition.serves(path), "{path} is not in the definition");
        }
        let posts = description
            .paths
            .paths
            .values()
            .any(|item| item.post.is_some());
        assert!(
            !posts || idempotency.is_some(),
            "a POST without idempotency keys"
        );
        let api = endpoints.with_state(state).route(
            &definition.description_path(),
            get(async || Json(description)),
        );
        let stack = web::stack_with(api, definition.limits, origin, &metrics, idempotency);
        Self::site(definition, metrics, stack)
    }

    /// A service that is not a JSON API, with its own middleware stack around its routes.
    #[must_use]
    pub fn site(definition: &'static Definition, metrics: Metrics, routes: Admission) -> Self {
        Self {
            definition,
            metrics,
            has_consumer: false,
            has_feed: false,
            routes,
            admin: Router::new(),
            checks: Vec::new(),
            intake: Vec::new(),
            relays: Vec::new(),
            closers: Vec::new(),
            resyncs: false,
        }
    }

    /// Adds a task that writes. At shutdown it ends first, together with the API.
    #[must_use]
    pub fn intake<F>(mut self, task: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.intake.push(Box::new(|stop| Box::pin(task(stop))));
        self
    }

    /// Adds the consumer to the intake.
    ///
    /// # Panics
    /// If it differs from the definition.
    #[must_use]
    pub fn consumer<H: Handler>(mut self, consumer: Consumer<H>) -> Self {
        let group = consumer.group();
        assert_eq!(self.definition.queue_group, Some(group), "not as defined");
        self.has_consumer = true;
        self.intake(|stop| consumer.run(stop))
    }

    /// Adds the live feed to the intake. At shutdown it ends at once, which closes the streams of its clients.
    ///
    /// # Panics
    /// If it differs from the definition.
    #[must_use]
    pub fn feed<T: Clone + Send + Sync + 'static>(mut self, reader: FeedReader<T>) -> Self {
        assert_eq!(self.definition.feed, reader.subjects(), "not as defined");
        self.has_feed = true;
        self.intake(|stop| reader.run(stop))
    }

    /// Adds the relay. At shutdown it ends after the intake.
    #[must_use]
    pub fn relay(mut self, relay: Relay) -> Self {
        self.relays.push(Box::new(|stop| Box::pin(relay.run(stop))));
        self
    }

    /// Adds routes to the admin port.
    #[must_use]
    pub fn admin_routes(mut self, routes: Router) -> Self {
        self.admin = self.admin.merge(routes);
        self
    }

    /// Adds re-emission, triggered by a new stream and by `POST /resync` on the admin port.
    #[must_use]
    pub fn resync(mut self, resync: Resync) -> Self {
        let on_demand = resync.clone();
        self.admin = self.admin.route(
            admin::RESYNC,
            post(async move || {
                let count = on_demand.emit_all().await;
                let count = count.map_err(|error| ApiError::Unavailable(error.into()))?;
                Ok::<_, ApiError>(Json(serde_json::json!({ "events": count })))
            }),
        );
        self.resyncs = true;
        self.intake(|stop| resync.run(stop))
    }

    /// Panics if the definition has a feature that the service lacks, since the permissions follow from the definition.
    pub(crate) fn assert_complete(&self) {
        let definition = self.definition;
        assert_eq!(
            definition.queue_group.is_some(),
            self.has_consumer,
            "queue group"
        );
        assert_eq!(!definition.feed.is_empty(), self.has_feed, "feed");
        assert_eq!(definition.resyncs, self.resyncs, "re-emission");
    }

    /// Whether it publishes the state of everything that it owns to a new stream, soon after the start.
    #[must_use]
    pub const fn resyncs(&self) -> bool {
        self.resyncs
    }

    /// Adds a readiness check.
    #[must_use]
    pub fn ready_if(mut self, check: ReadinessCheck) -> Self {
        self.checks.push(check);
        self
    }

    /// Adds the database, with a readiness check. It is closed last.
    #[must_use]
    pub fn database(mut self, database: Database) -> Self {
        let checked = database.clone();
        self.closers.push(Box::pin(database.close()));
        self.ready_if(ReadinessCheck::new("mongodb", move || {
            let database = checked.clone();
            async move { database.ping().await }
        }))
    }

    /// Adds the broker, which is closed last. It has no readiness check: without it the API still works and events wait
    /// in their outboxes.
    #[must_use]
    pub fn broker(mut self, broker: Broker) -> Self {
        self.closers.push(Box::pin(broker.close()));
        self
    }
}

/// Connects to the database, waiting until it is available. Fails at once if it does not meet the requirements.
pub async fn connect_mongo(
    config: &MongoConfig,
    service: &str,
    metrics: &Metrics,
) -> Result<Database, StartError> {
    let database = Database::open(config, service, metrics).await?;
    let server = &database;
    until_available("MongoDB", || async move {
        match server.missing().await {
            Ok(None) => Ok(()),
            Ok(Some(missing)) => Err(Wait::Never(StartError::Other(missing))),
            Err(error) if error.is_unavailable() => Err(Wait::Longer(error.to_string())),
            Err(error) => Err(Wait::Never(error.into())),
        }
    })
    .await?;
    Ok(database)
}

/// Connects to the broker, waiting until it is available. Fails at once if its version is too old.
pub async fn connect_broker(
    config: &BrokerConfig,
    definition: &'static Definition,
    metrics: &Metrics,
) -> Result<Broker, StartError> {
    let broker = until_available("NATS", || async move {
        Broker::connect_as(config, definition)
            .await
            .map_err(|error| match error {
                BrokerError::TooOld(_) => Wait::Never(error.into()),
                other => Wait::Longer(other.to_string()),
            })
    });
    Ok(broker.await?.with_metrics(metrics))
}

/// Whether a failed attempt to connect is retried.
#[derive(Debug)]
pub enum Wait {
    /// Retry: the dependency is unavailable.
    Longer(String),
    /// Fail: retrying does not help.
    Never(StartError),
}

/// Retries `connect` with backoff until the dependency is available, and logs each failure.
pub async fn until_available<T, F>(
    dependency: &str,
    mut connect: impl FnMut() -> F,
) -> Result<T, StartError>
where
    F: Future<Output = Result<T, Wait>>,
{
    let mut delays = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    loop {
        match connect().await {
            Ok(connected) => return Ok(connected),
            Err(Wait::Never(error)) => return Err(error),
            Err(Wait::Longer(error)) => {
                let delay = delays.next_delay();
                tracing::warn!(dependency, error, ?delay, "waiting for a dependency");
                sleep(delay).await;
            }
        }
    }
}
