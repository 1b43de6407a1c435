//! The admin port: liveness, readiness, metrics, and the service's own admin routes. The ingress does not route to it.

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

/// Liveness.
const LIVEZ: &str = "/livez";
/// Readiness.
const READYZ: &str = "/readyz";
/// Metrics.
const METRICS: &str = "/metrics";
/// Re-emission, for services that support it.
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

/// The phase of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Waiting for its dependencies.
    Starting,
    /// Serving requests and events.
    Serving,
    /// Shutting down.
    Draining,
}

impl Phase {
    /// All phases with their label values.
    const ALL: [(&str, Self); 3] = [
        ("starting", Self::Starting),
        ("serving", Self::Serving),
        ("draining", Self::Draining),
    ];
}

/// A check of a dependency that the service needs.
///
/// Concurrent requests share one probe, which always runs to its end. So a dependency that hangs does not accumulate
/// probes, and its client does not see cancelled operations.
#[derive(Clone)]
pub struct ReadinessCheck {
    name: &'static str,
    probe: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
    current: Arc<Mutex<Option<Probe>>>,
}

type Probe = Shared<BoxFuture<'static, Result<(), String>>>;

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
            current: Arc::default(),
        }
    }

    async fn run(&self) -> (&'static str, String) {
        let outcome = timeout(CHECK_TIMEOUT, self.current_probe()).await;
        let state = match outcome {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(error)) => {
                tracing::warn!(dependency = self.name, error, "dependency not ready");
                "unavailable".to_owned()
            }
            Err(_) => "no answer".to_owned(),
        };
        (self.name, state)
    }

    /// The probe that is in progress, or a new one.
    fn current_probe(&self) -> Probe {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some(probe) if probe.peek().is_none() => probe.clone(),
            _ => {
                let (probe, slot) = ((self.probe)(), Arc::clone(&self.current));
                let task = tokio::spawn(async move {
                    let result = probe.await;
                    // Later requests need a new result.
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    result
                });
                let result = async { task.await.unwrap_or_else(|error| Err(error.to_string())) };
                current.insert(result.boxed().shared()).clone()
            }
        }
    }
}

/// The state of the process that the admin port reports.
#[derive(Clone)]
pub struct Health(watch::Sender<State>);

struct State {
    phase: Phase,
    checks: Vec<ReadinessCheck>,
    /// The service's own admin routes; empty until the service is built.
    routes: Router,
    /// The service's metrics; those of the process until the service is built.
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
    /// Reports that the service is built and serves.
    pub(crate) fn serving(&self, checks: Vec<ReadinessCheck>, routes: Router, metrics: Metrics) {
        self.0.send_replace(State {
            phase: Phase::Serving,
            checks,
            routes: routes.fallback(async || ApiError::NotFound),
            metrics,
        });
    }

    /// Reports that the service is shutting down.
    pub(crate) fn draining(&self) {
        self.0.send_modify(|state| state.phase = Phase::Draining);
    }
}

#[derive(Serialize)]
struct Report {
    phase: Phase,
    checks: BTreeMap<&'static str, String>,
}

/// The admin port's routes, which also match with a trailing slash.
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
        // Liveness does not depend on dependencies: restarting does not repair them.
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
    let ready = phase == Phase::Serving && checks.values().all(|state| state == "ok");
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Report { phase, checks })).into_response()
}
