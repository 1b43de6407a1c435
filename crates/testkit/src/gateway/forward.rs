//! Forwards a request to a replica. The bodies of the request and of the response are streamed.
//!
//! Why no crate does this: `docs/decisions/0031-development-gateway.md`.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::uri::{Authority, Scheme, Uri};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

/// The limit for the head of the response, as at the ingress.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Headers that concern one connection and are not forwarded (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Why there is no response.
pub(super) enum ForwardError {
    /// No replica accepted a connection, so the request was not sent.
    Unavailable,
    /// The connection ended before the response began.
    Broken,
    /// No response began in time.
    Timeout,
}

#[derive(Debug)]
pub(super) struct Forwarder {
    client: Client<HttpConnector, SharedBody>,
}

impl Forwarder {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Self { client }
    }

    /// The response of the first replica that accepts a connection.
    pub(super) async fn send(
        &self,
        client: SocketAddr,
        request: Request,
        replicas: &[SocketAddr],
    ) -> Result<Response, ForwardError> {
        let (mut head, body) = request.into_parts();
        add_forwarding_headers(&mut head.headers, client);
        remove_hop_by_hop_headers(&mut head.headers);
        let body = SharedBody(Arc::new(Mutex::new(body)));
        for &replica in replicas {
            let request = request_to(replica, &head, body.clone());
            match timeout(RESPONSE_TIMEOUT, self.client.request(request)).await {
                Ok(Ok(mut response)) => {
                    remove_hop_by_hop_headers(response.headers_mut());
                    return Ok(response.map(Body::new));
                }
                Ok(Err(error)) if error.is_connect() => {
                    tracing::debug!(%replica, %error, "no connection to a replica");
                }
                Ok(Err(error)) => {
                    tracing::debug!(%replica, %error, "a replica closed the connection");
                    return Err(ForwardError::Broken);
                }
                Err(_) => return Err(ForwardError::Timeout),
            }
        }
        Err(ForwardError::Unavailable)
    }
}

fn request_to(replica: SocketAddr, head: &Parts, body: SharedBody) -> hyper::Request<SharedBody> {
    let mut uri = head.uri.clone().into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Authority::try_from(replica.to_string()).ok();
    let mut request = hyper::Request::new(body);
    *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
    request.method_mut().clone_from(&head.method);
    request.headers_mut().clone_from(&head.headers);
    request
}

fn add_forwarding_headers(headers: &mut HeaderMap, client: SocketAddr) {
    let address = client.ip().to_string();
    let earlier = headers.get(&FORWARDED_FOR);
    let chain = match earlier.and_then(|value| value.to_str().ok()) {
        Some(earlier) => format!("{earlier}, {address}"),
        None => address.clone(),
    };
    let visible = |text: String| HeaderValue::try_from(text).expect("addresses are visible ASCII");
    headers.insert(FORWARDED_FOR, visible(chain));
    headers.insert(REAL_IP, visible(address));
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Some(host) = headers.get(header::HOST).cloned() {
        headers.insert(FORWARDED_HOST, host);
    }
}

fn remove_hop_by_hop_headers(headers: &mut HeaderMap) {
    let named: Vec<_> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// The body of the request, for one replica after another. A request that finds no connection does not read its body.
#[derive(Debug, Clone)]
struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    fn with<T>(&self, read: impl FnOnce(&mut Body) -> T) -> T {
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
