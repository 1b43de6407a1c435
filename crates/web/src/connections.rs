//! Connections: how many there are, and how long each may take to say what it wants.
//!
//! More connections than the limit wait in the kernel's queue, which is bounded too. A client that sends the head of its
//! request slowly, or leaves its connection idle, is cut: it holds nothing but the connection, and that not for ever.

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

use super::occurrences::Occurrences;

/// How long to wait after the system refused a connection, as it does when it has no file descriptor left.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// How a socket is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// How many may be open.
    pub most: usize,
    /// How long a connection may take until the head of its next request is there. Longer than ingresses keep idle
    /// connections, lest they send a request on one that is being closed.
    pub head_time: Duration,
}

impl Default for Connections {
    /// All the event streams that a process may have, and some thousands for requests.
    fn default() -> Self {
        Self {
            most: 16_384,
            head_time: Duration::from_secs(75),
        }
    }
}

impl Connections {
    /// Serves `routes` until told to stop, then finishes what is in hand. Dropped, it cuts what is still open.
    pub async fn serve<S>(self, listener: TcpListener, routes: S, stop: CancellationToken)
    where
        S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let places = Arc::new(Semaphore::new(self.most));
        let full = Occurrences::default();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.head_time);
        let graceful = GracefulShutdown::new();
        let cut = CancellationToken::new();
        let _cuts_when_dropped = cut.clone().drop_guard();
        while let Some((stream, client, place)) = stop
            .run_until_cancelled(accept(&listener, &places, &full))
            .await
        {
            let routes = routes.clone();
            let answer = service_fn(move |request: hyper::Request<Incoming>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(client));
                routes.clone().oneshot(request)
            });
            let connection = http.serve_connection(TokioIo::new(stream), answer);
            let connection = graceful.watch(connection);
            let cut = cut.clone();
            tokio::spawn(async move {
                // An error is the client's: it hung up, was too slow, or does not speak HTTP.
                if let Some(Err(error)) = cut.run_until_cancelled(connection).await {
                    tracing::trace!(%error, "connection ended");
                }
                drop(place);
            });
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    full: &Occurrences,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    if places.available_permits() == 0 {
        full.take_note(|times| tracing::warn!(times, "no connection is free, others wait"));
    }
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                // An error means that the client is gone already.
                let _ = stream.set_nodelay(true);
                return (stream, client, place);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot take connections");
                sleep(REFUSED_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
