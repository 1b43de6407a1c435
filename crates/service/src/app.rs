//! What a service is made of once it is put together: routes, tasks, readiness, and how to let go.

use std::time::Duration;

use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::BoxFuture;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::admin::{self, ReadinessCheck};
use base::backoff::Backoff;
use base::definition::Definition;
use base::origin::Origin;
use messaging::feed::FeedReader;
use messaging::resync::Resync;
use messaging::{Broker, BrokerConfig, BrokerError, Consumer, Handler, Relay};
use mongo::{Database, MongoConfig, StoreError};
use telemetry::metrics::Metrics;
use web::openapi;
use web::{self, Admission, ApiError, Idempotency};

type Task = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;
type Closer = BoxFuture<'static, ()>;

/// Why a service cannot start at all, however long it waits.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database refused something that it should do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker refused something that it should do.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A service put together, ready to be run by [`lifecycle`](crate::lifecycle).
pub struct App {
    pub(crate) routes: Admission,
    pub(crate) admin: Router,
    pub(crate) checks: Vec<ReadinessCheck>,
    pub(crate) intake: Vec<Task>,
    pub(crate) relays: Vec<Task>,
    pub(crate) closers: Vec<Closer>,
    pub(crate) metrics: Metrics,
    definition: &'static Definition,
    consumes: bool,
    shows: bool,
    resyncs: bool,
}

impl App {
    /// A service with these routes, which serves their description beside them. Writes from pages of `origin` are
    /// accepted beside those from the request's own host. Every POST takes an `Idempotency-Key`.
    ///
    /// # Panics
    /// If the routes are not those of the service's definition, or if it has a POST and keeps no keys.
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
            assert!(definition.serves(path), "{path} is not defined");
        }
        let posts = description
            .paths
            .paths
            .values()
            .any(|item| item.post.is_some());
        assert!(!posts || idempotency.is_some(), "a POST without keys");
        let api = endpoints.with_state(state).route(
            &definition.description_path(),
            get(async || Json(description)),
        );
        let stack = web::stack_with(api, definition.limits, origin, &metrics, idempotency);
        Self::site(definition, metrics, stack)
    }

    /// A service that answers with something else than the API's JSON, with its own stack around its routes.
    #[must_use]
    pub fn site(definition: &'static Definition, metrics: Metrics, routes: Admission) -> Self {
        Self {
            definition,
            metrics,
            consumes: false,
            shows: false,
            routes,
            admin: Router::new(),
            checks: Vec::new(),
            intake: Vec::new(),
            relays: Vec::new(),
            closers: Vec::new(),
            resyncs: false,
        }
    }

    /// Adds work that ends first when the process is told to stop, together with the API: whatever writes.
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
    /// If it is not that of the service's definition.
    #[must_use]
    pub fn consumer<H: Handler>(mut self, consumer: Consumer<H>) -> Self {
        let group = consumer.group();
        assert_eq!(self.definition.queue_group, Some(group), "not as defined");
        self.consumes = true;
        self.intake(|stop| consumer.run(stop))
    }

    /// Adds the live feed to the intake: when the process is told to stop, it ends at once, and all who watch it are
    /// let go.
    ///
    /// # Panics
    /// If it is not that of the service's definition.
    #[must_use]
    pub fn feed<T: Clone + Send + Sync + 'static>(mut self, reader: FeedReader<T>) -> Self {
        assert_eq!(self.definition.feed, reader.subjects(), "not as defined");
        self.shows = true;
        self.intake(|stop| reader.run(stop))
    }

    /// Adds the relay, which ends after everything that writes has ended.
    #[must_use]
    pub fn relay(mut self, relay: Relay) -> Self {
        self.relays.push(Box::new(|stop| Box::pin(relay.run(stop))));
        self
    }

    /// Adds routes of its own to the admin port, which is never routed by the ingress.
    #[must_use]
    pub fn admin_routes(mut self, routes: Router) -> Self {
        self.admin = self.admin.merge(routes);
        self
    }

    /// Adds re-emission: when the stream is a new one, and by `POST /resync` on the admin port.
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

    /// Makes sure that the service does all that its definition says, and is not allowed more than it needs.
    pub(crate) fn assert_whole(&self) {
        let definition = self.definition;
        assert_eq!(
            definition.queue_group.is_some(),
            self.consumes,
            "its queue group"
        );
        assert_eq!(!definition.feed.is_empty(), self.shows, "its feed");
        assert_eq!(definition.resyncs, self.resyncs, "its re-emission");
    }

    /// Whether it fills a new stream with what it owns, which takes a moment after the start.
    #[must_use]
    pub const fn resyncs(&self) -> bool {
        self.resyncs
    }

    /// Adds a dependency without which the service is not ready.
    #[must_use]
    pub fn ready_if(mut self, check: ReadinessCheck) -> Self {
        self.checks.push(check);
        self
    }

    /// Adds the database: checked for readiness, closed at the end.
    #[must_use]
    pub fn database(mut self, database: Database) -> Self {
        let checked = database.clone();
        self.closers.push(Box::pin(database.close()));
        self.ready_if(ReadinessCheck::new("mongodb", move || {
            let database = checked.clone();
            async move { database.ping().await }
        }))
    }

    /// Adds the broker, closed at the end. Not checked for readiness: without it the API still serves, and events
    /// wait in their outboxes.
    #[must_use]
    pub fn broker(mut self, broker: Broker) -> Self {
        self.closers.push(Box::pin(broker.close()));
        self
    }
}

/// The database, as soon as it answers; refused at once if it lacks something that we need.
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

/// The broker, as soon as it answers; refused at once if it is too old.
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

/// What a failed try to reach a dependency means.
#[derive(Debug)]
pub enum Wait {
    /// It may come.
    Longer(String),
    /// It will not do, however long we wait.
    Never(StartError),
}

/// What `connect` gives, tried with growing delays until the dependency is there, saying so in the log.
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
