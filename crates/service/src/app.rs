//! What a service is made of once it is put together: routes, tasks, readiness, and how to let go.

use std::time::Duration;

use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::BoxFuture;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::admin::ReadinessCheck;
use crate::backoff::Backoff;
use crate::http::{self, ApiError};
use crate::messaging::feed::FeedReader;
use crate::messaging::resync::Resync;
use crate::messaging::{Broker, BrokerConfig, BrokerError, Consumer, Handler, Relay};
use crate::mongo::{Database, MongoConfig, StoreError};

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
    pub(crate) router: Router,
    pub(crate) admin: Router,
    pub(crate) checks: Vec<ReadinessCheck>,
    pub(crate) intake: Vec<Task>,
    pub(crate) relays: Vec<Task>,
    pub(crate) closers: Vec<Closer>,
    resyncs: bool,
}

impl App {
    /// A service with these routes, which serves their description at `/api/<name>/openapi.json`.
    pub fn new<S>(name: &str, routes: OpenApiRouter<S>, state: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        let (endpoints, mut description) = routes.split_for_parts();
        name.clone_into(&mut description.info.title);
        env!("CARGO_PKG_VERSION").clone_into(&mut description.info.version);
        let path = format!("/api/{name}/openapi.json");
        let api = endpoints
            .with_state(state)
            .route(&path, get(async || Json(description)));
        Self::site(http::stack(api))
    }

    /// A service that answers with something else than the API's JSON, with its own stack around its routes.
    #[must_use]
    pub fn site(router: Router) -> Self {
        Self {
            router,
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
    #[must_use]
    pub fn consumer<H: Handler>(self, consumer: Consumer<H>) -> Self {
        self.intake(|stop| consumer.run(stop))
    }

    /// Adds the live feed to the intake: when the process is told to stop, it ends at once, and all who watch it are
    /// let go.
    #[must_use]
    pub fn feed<T: Clone + Send + Sync + 'static>(self, reader: FeedReader<T>) -> Self {
        self.intake(|stop| reader.run(stop))
    }

    /// Adds the relay, which ends after everything that writes has ended.
    #[must_use]
    pub fn relay(mut self, relay: Relay) -> Self {
        self.relays.push(Box::new(|stop| Box::pin(relay.run(stop))));
        self
    }

    /// Adds re-emission: when the stream is a new one, and by `POST /resync` on the admin port.
    #[must_use]
    pub fn resync(mut self, resync: Resync) -> Self {
        let on_demand = resync.clone();
        self.admin = self.admin.route(
            "/resync",
            post(async move || {
                let count = on_demand.emit_all().await;
                let count = count.map_err(|error| ApiError::Unavailable(error.into()))?;
                Ok::<_, ApiError>(Json(serde_json::json!({ "events": count })))
            }),
        );
        self.resyncs = true;
        self.intake(|stop| resync.run(stop))
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

/// The database, as soon as it answers.
pub async fn connect_mongo(config: &MongoConfig, service: &str) -> Result<Database, StartError> {
    let database = Database::open(config, service).await?;
    let pinged = &database;
    until_available("MongoDB", || async move {
        match pinged.ping().await {
            Err(error) if !error.is_unavailable() => Err(Wait::Never(error.into())),
            pinged => pinged.map_err(|error| Wait::Longer(error.to_string())),
        }
    })
    .await?;
    Ok(database)
}

/// The broker, as soon as it answers; refused at once if it is too old.
pub async fn connect_broker(
    config: &BrokerConfig,
    service: &'static str,
) -> Result<Broker, StartError> {
    until_available("NATS", || async move {
        Broker::connect(config, service)
            .await
            .map_err(|error| match error {
                BrokerError::TooOld(_) => Wait::Never(error.into()),
                other => Wait::Longer(other.to_string()),
            })
    })
    .await
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
