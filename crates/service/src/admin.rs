//! The admin port: whether the process lives, whether it is ready, and its metrics. Never routed by the ingress.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::util::MapRequest;
use tower::{Service, ServiceExt};

use telemetry::metrics::Metrics;
use telemetry::metrics::catalogue::PHASE;
use web::{ApiError, remove_trailing_slash};

/// Whether the process lives.
const LIVEZ: &str = "/livez";
/// Whether the process is ready.
const READYZ: &str = "/readyz";
/// What Prometheus fetches.
const METRICS: &str = "/metrics";
/// Where a service that can do so is told to tell everything again.
pub(crate) const RESYNC: &str = "/resync";

/// The paths of a service's admin port.
pub(crate) fn paths(resyncs: bool) -> Vec<String> {
    let mut paths = vec![LIVEZ, READYZ, METRICS];
    if resyncs {
        paths.push(RESYNC);
    }
    paths.into_iter().map(ToOwned::to_owned).collect()
}

const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Waiting for its dependencies.
    Starting,
    /// At work.
    Serving,
    /// Told to stop; finishing what is in hand.
    Draining,
}

impl Phase {
    /// Every phase, as metrics have it.
    const ALL: [(&str, Self); 3] = [
        ("starting", Self::Starting),
        ("serving", Self::Serving),
        ("draining", Self::Draining),
    ];
}

/// A dependency without which the service cannot serve.
///
/// There is one look at a time, which all who ask meanwhile share, and which is seen through: a dependency that hangs is
/// not asked again and again, and questions given up half way leave nothing behind in its client.
#[derive(Clone)]
pub struct ReadinessCheck {
    name: &'static str,
    probe: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
    look: Arc<Mutex<Option<Look>>>,
}

type Look = Shared<BoxFuture<'static, Result<(), String>>>;

impl ReadinessCheck {
    /// A check of the dependency `name`.
    pub fn new<F, E>(name: &'static str, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let probe = Arc::new(probe);
        Self {
            name,
            probe: Arc::new(move || {
                let probe = probe();
                Box::pin(async { probe.await.map_err(|error| error.to_string()) })
            }),
            look: Arc::default(),
        }
    }

    async fn run(&self) -> (&'static str, String) {
        let outcome = timeout(CHECK_TIMEOUT, self.look()).await;
        let words = match outcome {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(error)) => {
                tracing::warn!(dependency = self.name, error, "not ready");
                "unavailable".to_owned()
            }
            Err(_) => "no answer".to_owned(),
        };
        (self.name, words)
    }

    /// The look that is under way, or a new one.
    fn look(&self) -> Look {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        match &*look {
            Some(under_way) if under_way.peek().is_none() => under_way.clone(),
            _ => {
                let (probing, slot) = ((self.probe)(), Arc::clone(&self.look));
                let looking = tokio::spawn(async move {
                    let found = probing.await;
                    // Whoever asks from now on wants to know how it is then.
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    found
                });
                let looked = async { looking.await.unwrap_or_else(|died| Err(died.to_string())) };
                look.insert(looked.boxed().shared()).clone()
            }
        }
    }
}

/// What the admin port knows of the process.
#[derive(Clone)]
pub struct Health(watch::Sender<State>);

struct State {
    phase: Phase,
    checks: Vec<ReadinessCheck>,
    /// The service's own admin routes, there once it is put together.
    routes: Router,
    /// The service's metrics; until it is put together, those of the process.
    metrics: Metrics,
}

impl Default for Health {
    fn default() -> Self {
        Self(watch::Sender::new(State {
            phase: Phase::Starting,
            checks: Vec::new(),
            routes: Router::new(),
            metrics: Metrics::of_process(),
        }))
    }
}

impl Health {
    /// The service is put together and serves.
    pub(crate) fn serving(&self, checks: Vec<ReadinessCheck>, routes: Router, metrics: Metrics) {
        self.0.send_replace(State {
            phase: Phase::Serving,
            checks,
            routes: routes.fallback(async || ApiError::NotFound),
            metrics,
        });
    }

    /// The service was told to stop.
    pub(crate) fn draining(&self) {
        self.0.send_modify(|state| state.phase = Phase::Draining);
    }
}

#[derive(Serialize)]
struct Report {
    phase: Phase,
    checks: BTreeMap<&'static str, String>,
}

/// The admin port: `/livez`, `/readyz`, and what the service adds, each also with a trailing slash.
pub(crate) fn service(
    health: Health,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send {
    let without_slash = |mut request: Request| {
        remove_trailing_slash(request.uri_mut());
        request
    };
    MapRequest::new(router(health), without_slash)
}

fn router(health: Health) -> Router {
    Router::new()
        // Alive is whoever answers: a dependency's outage is no reason to be killed.
        .route(LIVEZ, get(async || "ok"))
        .route(READYZ, get(readyz))
        .route(METRICS, get(metrics))
        .fallback(service_routes)
        .with_state(health)
}

async fn service_routes(Extract(health): Extract<Health>, request: Request) -> Response {
    let routes = health.0.borrow().routes.clone();
    routes
        .oneshot(request)
        .await
        .unwrap_or_else(|never| match never {})
}

/// The metrics in Prometheus's text format
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
async fn metrics(Extract(health): Extract<Health>) -> Response {
    let (phase, metrics) = {
        let state = health.0.borrow();
        (state.phase, state.metrics.clone())
    };
    let phases = metrics.gauges(&PHASE);
    for (name, it) in Phase::ALL {
        phases.with([name]).set(f64::from(it == phase));
    }
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, metrics.render().await).into_response()
}

async fn readyz(Extract(health): Extract<Health>) -> Response {
    let (phase, checks) = {
        let state = health.0.borrow();
        (state.phase, state.checks.clone())
    };
    let checks: BTreeMap<_, _> = join_all(checks.iter().map(ReadinessCheck::run))
        .await
        .into_iter()
        .collect();
    let ready = phase == Phase::Serving && checks.values().all(|words| words == "ok");
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Report { phase, checks })).into_response()
}
