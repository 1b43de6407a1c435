//! The development gateway: it stands in for the ingress, and reads its routes from the ingress manifest.
//!
//! It streams requests and responses, so that server-sent events pass at once. The replicas of a service take turns.
//! The next replica is tried only if no connection was made: a request that may have arrived is never sent twice.

mod forward;
mod routes;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use common::ErrorBody;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use forward::{ForwardError, Forwarder};

pub use routes::{Routes, RoutesError};

/// The addresses of each service's replicas, by the service's name in the manifest (`orders-srv`).
pub type Backends = HashMap<String, Vec<SocketAddr>>;

const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A gateway that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    routes: Routes,
    backends: RwLock<Backends>,
    /// Counts requests, so that replicas take turns.
    turn: AtomicUsize,
    forwarder: Forwarder,
}

impl Gateway {
    /// Serves on this socket with the routes of this ingress manifest.
    pub fn start(listener: TcpListener, manifest: &str, backends: Backends) -> Result<Self> {
        let shared = Arc::new(Shared {
            routes: Routes::read(manifest)?,
            backends: RwLock::new(backends),
            turn: AtomicUsize::new(0),
            forwarder: Forwarder::new(),
        });
        let address = listener.local_addr().context("the gateway's socket")?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, shared.clone(), stop.clone()));
        Ok(Self {
            address,
            shared,
            stop,
            serving,
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The origin for browsers and clients: `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the addresses of a service's replicas. Requests in progress continue.
    pub fn set_backends(&self, service: &str, addresses: Vec<SocketAddr>) {
        let mut backends = self
            .shared
            .backends
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        backends.insert(service.to_owned(), addresses);
    }

    /// Stops listening, and waits at most a second for the requests in progress.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // A stream of events ends only with its service.
        let _ = tokio::time::timeout(STOP_TIMEOUT, &mut self.serving).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let listener = listener.tap_io(|connection| {
        // An error means that the client has disconnected.
        let _ = connection.set_nodelay(true);
    });
    let service = make_service(shared);
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "the gateway failed");
    }
}

fn make_service(shared: Arc<Shared>) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    let forward = async move |ConnectInfo(client): ConnectInfo<SocketAddr>, request: Request| {
        Ok::<_, Infallible>(shared.forward(client, request).await)
    };
    Router::new()
        .fallback(forward)
        .into_make_service_with_connect_info()
}

impl Shared {
    async fn forward(&self, client: SocketAddr, request: Request) -> Response {
        let replicas = self
            .routes
            .service(request.uri().path())
            .and_then(|service| self.replicas(service));
        let Some(replicas) = replicas else {
            return failure(StatusCode::NOT_FOUND, "Not Found");
        };
        match self.forwarder.send(client, request, &replicas).await {
            Ok(response) => response,
            Err(ForwardError::Unavailable) => unavailable(),
            Err(ForwardError::Broken) => {
                failure(StatusCode::BAD_GATEWAY, "The service broke off its answer")
            }
            Err(ForwardError::Timeout) => failure(
                StatusCode::GATEWAY_TIMEOUT,
                "The service did not answer in time",
            ),
        }
    }

    /// The service's replicas, in the order in which to try them; `None` if the fleet has no such service.
    fn replicas(&self, service: &str) -> Option<Vec<SocketAddr>> {
        let backends = self.backends.read().unwrap_or_else(PoisonError::into_inner);
        let mut replicas = backends.get(service)?.clone();
        if !replicas.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % replicas.len();
            replicas.rotate_left(turn);
        }
        Some(replicas)
    }
}

fn unavailable() -> Response {
    let message = "The service is not available, please try again";
    let mut response = failure(StatusCode::SERVICE_UNAVAILABLE, message);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(ErrorBody::message(message))).into_response()
}
