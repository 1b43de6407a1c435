//! The admin port: whether the process lives, whether it is ready. Never routed by the ingress.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::http::ApiError;

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
}

impl Default for Health {
    fn default() -> Self {
        Self(watch::Sender::new(State {
            phase: Phase::Starting,
            checks: Vec::new(),
            routes: Router::new(),
        }))
    }
}

impl Health {
    /// The service is put together and serves.
    pub(crate) fn serving(&self, checks: Vec<ReadinessCheck>, routes: Router) {
        self.0.send_replace(State {
            phase: Phase::Serving,
            checks,
            routes: routes.fallback(async || ApiError::NotFound),
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

/// The admin port's routes: `/livez`, `/readyz`, and what the service adds.
pub fn router(health: Health) -> Router {
    Router::new()
        // Alive is whoever answers: a dependency's outage is no reason to be killed.
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(readyz))
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
