//! The development gateway: what the ingress is to the deployed fleet, with the same manifest for its routes.
//!
//! It streams both ways, so that server-sent events pass as they come. It spreads requests over a service's
//! replicas in turn, and tries the next one only if no connection was made: a request that may have arrived is
//! never sent twice.

mod forward;
mod routes;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use common::ErrorBody;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use forward::{Forwarder, Unanswered};

pub use routes::{Routes, RoutesError};

/// Where each service's replicas listen, by the service's name in the manifest (`orders-srv`).
pub type Backends = HashMap<String, Vec<SocketAddr>>;

const STOP_PATIENCE: Duration = Duration::from_secs(1);

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
    turn: AtomicUsize,
    forwarder: Forwarder,
}

impl Gateway {
    /// Serves on this socket by the rules of this ingress manifest.
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

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The origin that browsers and clients see: `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes where a service's replicas are; requests on their way are left alone.
    pub fn set_backends(&self, service: &str, addresses: Vec<SocketAddr>) {
        let mut backends = self
            .shared
            .backends
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        backends.insert(service.to_owned(), addresses);
    }

    /// Stops listening, and gives what is on its way a second to end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // A stream of events ends only with its service.
        let _ = tokio::time::timeout(STOP_PATIENCE, &mut self.serving).await;
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
        // An error means that the client is gone already.
        let _ = connection.set_nodelay(true);
    });
    let service = tower_service(shared);
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "the gateway failed");
    }
}

fn tower_service(
    shared: Arc<Shared>,
) -> axum::extract::connect_info::IntoMakeServiceWithConnectInfo<axum::Router, SocketAddr> {
    let pass = async move |ConnectInfo(client): ConnectInfo<SocketAddr>, request: Request| {
        Ok::<_, Infallible>(shared.pass(client, request).await)
    };
    axum::Router::new()
        .fallback(pass)
        .into_make_service_with_connect_info()
}

impl Shared {
    async fn pass(&self, client: SocketAddr, request: Request) -> Response {
        let replicas = self
            .routes
            .service(request.uri().path())
            .and_then(|service| self.replicas(service));
        let Some(replicas) = replicas else {
            return failure(StatusCode::NOT_FOUND, "Not Found");
        };
        match self.forwarder.send(client, request, &replicas).await {
            Ok(response) => response,
            Err(Unanswered::Away) => unavailable(),
            Err(Unanswered::Broken) => {
                failure(StatusCode::BAD_GATEWAY, "The service broke off its answer")
            }
            Err(Unanswered::Slow) => failure(
                StatusCode::GATEWAY_TIMEOUT,
                "The service did not answer in time",
            ),
        }
    }

    /// The service's replicas, the one whose turn it is first; none if the fleet has no such service.
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
    let answer = (status, Json(ErrorBody::message(message)));
    answer.into_response().map(Body::new)
}
