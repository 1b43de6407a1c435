//! Serves connections, with limits on their number and on the time until a request's head has arrived.
//!
//! Connections beyond the limit wait in the kernel's bounded queue. A connection is closed if the head of a request
//! arrives too slowly, or if it stays idle.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use super::throttled_log::ThrottledLog;

/// How long to wait after `accept` failed, for example because no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The limits of a socket's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// How many may be open.
    pub max: usize,
    /// How long a connection may take until the head of its next request has arrived. Longer than ingresses hold idle
    /// connections, so that they do not send a request on one that is being closed.
    pub head_timeout: Duration,
}

impl Default for Connections {
    /// Enough for all event streams of a process, and some thousands for requests.
    fn default() -> Self {
        Self {
            max: 16_384,
            head_timeout: Duration::from_secs(75),
        }
    }
}

impl Connections {
    /// Serves `routes` until cancelled, then finishes the requests in progress. Dropping the future closes all
    /// connections.
    pub async fn serve<S>(self, listener: TcpListener, routes: S, stop: CancellationToken)
    where
        S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let permits = Arc::new(Semaphore::new(self.max));
        let full = ThrottledLog::default();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout);
        let graceful = GracefulShutdown::new();
        let cut = CancellationToken::new();
        let _cut_on_drop = cut.clone().drop_guard();
        while let Some((stream, client, permit)) = stop
            .run_until_cancelled(accept(&listener, &permits, &full))
            .await
        {
            let routes = routes.clone();
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(client));
                routes.clone().oneshot(request)
            });
            let connection = http.serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection);
            let cut = cut.clone();
            tokio::spawn(async move {
                // The client caused the error: it hung up, was too slow, or does not speak HTTP.
                if let Some(Err(error)) = cut.run_until_cancelled(connection).await {
                    tracing::trace!(%error, "connection ended");
                }
                drop(permit);
            });
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    full: &ThrottledLog,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    if permits.available_permits() == 0 {
        full.record(|times| tracing::warn!(times, "connection limit reached, connections wait"));
    }
    let permit = Arc::clone(permits).acquire_owned().await;
    let permit = permit.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                // An error means that the client has already disconnected.
                let _ = stream.set_nodelay(true);
                return (stream, client, permit);
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "connections not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
