//! Overload and slow clients: the service refuses at once, and keeps working.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::sse::Event;
use axum::routing::{get, post};
use base::Limits;
use common::ErrorBody;
use futures::{poll, stream};
use telemetry::metrics::Metrics;
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use web::{Admission, Connections, EventStreams, stack_with};

/// Longer than anything takes that does not hang.
const TIMEOUT: Duration = Duration::from_secs(10);

const LIMITS: Limits = Limits {
    requests: 2,
    waiting: 1,
    queue_timeout: Duration::from_millis(100),
    openings: 1,
    bodies: 2,
    body_time: Duration::from_millis(200),
    request_time: TIMEOUT,
};

/// Stuck handlers wait for it.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

impl Gate {
    fn shut() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets this many handlers finish.
    fn let_through(&self, handlers: usize) {
        self.0.add_permits(handlers);
    }
}

async fn stuck(State(gate): State<Gate>) -> &'static str {
    gate.0.acquire().await.unwrap().forget();
    "free"
}

fn service(gate: &Gate, limits: Limits) -> Admission {
    let streams = EventStreams::until(CancellationToken::new(), &Metrics::none());
    let opened = async move || streams.answer(stream::pending::<Event>());
    stack_with(
        Router::new()
            .route("/stuck", get(stuck))
            .route("/echo", post(async |body: String| body))
            .route("/stream", get(opened))
            .with_state(gate.clone()),
        limits,
        None,
        &Metrics::none(),
        None,
    )
}

async fn send(service: &Admission, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let response = timeout(TIMEOUT, service.clone().oneshot(request)).await;
    let (parts, body) = response.unwrap().unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, body)
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn message(body: &[u8]) -> String {
    let mut body: ErrorBody = serde_json::from_slice(body).unwrap();
    assert_eq!(body.errors.len(), 1);
    body.errors.remove(0).message
}

/// Sends this many requests, whose handlers are then stuck.
async fn stick(service: &Admission, gate: &Gate, requests: usize) -> Vec<JoinHandle<StatusCode>> {
    let before = Arc::strong_count(&gate.0);
    let stuck = (0..requests).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { send(&service, get_request("/stuck")).await.0 })
    });
    let stuck: Vec<_> = stuck.collect();
    eventually("the handlers are stuck", async || {
        Arc::strong_count(&gate.0) >= before + requests
    })
    .await;
    stuck
}

#[tokio::test]
async fn a_service_without_a_free_permit_sheds_at_once_and_serves_again_when_one_is_free() {
    let gate = Gate::shut();
    let service = service(&gate, LIMITS);
    let stuck = stick(&service, &gate, LIMITS.requests).await;
    let (status, headers, body) = send(&service, get_request("/stuck")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers[header::RETRY_AFTER], "1");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(message(&body), "Service is temporarily unavailable");
    gate.let_through(LIMITS.requests);
    for request in stuck {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    gate.let_through(1);
    assert_eq!(
        send(&service, get_request("/stuck")).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn in_a_short_burst_some_requests_wait_for_a_permit() {
    let gate = Gate::shut();
    let limits = Limits {
        queue_timeout: TIMEOUT,
        ..LIMITS
    };
    let service = service(&gate, limits);
    let stuck = stick(&service, &gate, limits.requests).await;
    let mut waiting = pin!(send(&service, get_request("/stuck")));
    assert!(poll!(&mut waiting).is_pending());
    // The queue is full.
    let shed = send(&service, get_request("/stuck")).await;
    assert_eq!(shed.0, StatusCode::SERVICE_UNAVAILABLE);
    gate.let_through(limits.requests + 1);
    assert_eq!(waiting.await.0, StatusCode::OK);
    for request in stuck {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
}

#[tokio::test]
async fn no_request_waits_while_an_overload_lasts() {
    let gate = Gate::shut();
    let service = service(&gate, LIMITS);
    let _stuck = stick(&service, &gate, LIMITS.requests).await;
    // It waits until the time limit of the queue.
    let shed = send(&service, get_request("/stuck")).await;
    assert_eq!(shed.0, StatusCode::SERVICE_UNAVAILABLE);
    let mut shed = pin!(send(&service, get_request("/stuck")));
    assert!(poll!(&mut shed).is_ready(), "refused without waiting");
}

#[tokio::test]
async fn a_request_whose_client_gave_up_holds_its_permit_until_it_is_finished() {
    let gate = Gate::shut();
    let service = service(&gate, LIMITS);
    for request in stick(&service, &gate, LIMITS.requests).await {
        request.abort();
        request.await.unwrap_err();
    }
    let shed = send(&service, get_request("/stuck")).await;
    assert_eq!(shed.0, StatusCode::SERVICE_UNAVAILABLE);
    gate.let_through(LIMITS.requests);
    eventually("the permits are free", async || {
        gate.let_through(1);
        send(&service, get_request("/stuck")).await.0 == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn a_response_that_takes_too_long_is_a_503() {
    let gate = Gate::shut();
    let limits = Limits {
        request_time: Duration::from_millis(100),
        ..LIMITS
    };
    let (status, headers, body) = send(&service(&gate, limits), get_request("/stuck")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers[header::RETRY_AFTER], "1");
    assert_eq!(message(&body), "Service is temporarily unavailable");
}

#[tokio::test]
async fn event_streams_open_while_requests_are_shed() {
    let gate = Gate::shut();
    let service = service(&gate, LIMITS);
    let _stuck = stick(&service, &gate, LIMITS.requests).await;
    let open = Request::get("/stream").header(header::ACCEPT, "text/event-stream");
    let open = open.body(Body::empty()).unwrap();
    let opened = service.clone().oneshot(open).await.unwrap();
    assert_eq!(opened.status(), StatusCode::OK);
}

/// A body whose sender sends nothing.
fn silent_body() -> (mpsc::Sender<()>, Body) {
    let (sender, receiver) = mpsc::channel::<()>(1);
    let parts = stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await;
        None::<(Result<Bytes, std::io::Error>, _)>
    });
    (sender, Body::from_stream(parts))
}

#[tokio::test]
async fn a_body_that_does_not_arrive_takes_no_permit_and_times_out() {
    let gate = Gate::shut();
    let limits = Limits {
        body_time: TIMEOUT / 2,
        ..LIMITS
    };
    let service = service(&gate, limits);
    let (senders, bodies): (Vec<_>, Vec<_>) = (0..limits.bodies).map(|_| silent_body()).unzip();
    let slow = bodies.into_iter().map(|body| {
        let (service, request) = (service.clone(), Request::post("/echo").body(body).unwrap());
        tokio::spawn(async move { send(&service, request).await })
    });
    let slow: Vec<_> = slow.collect();
    eventually("no more bodies are received", async || {
        let one_more =
            Request::post("/echo").body(Body::from_stream(stream::iter([
                Ok::<_, std::io::Error>("hello"),
            ])));
        send(&service, one_more.unwrap()).await.0 == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    // Requests without a body still find all permits free.
    gate.let_through(1);
    assert_eq!(
        send(&service, get_request("/stuck")).await.0,
        StatusCode::OK
    );
    for request in slow {
        let (status, _, body) = request.await.unwrap();
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
        assert_eq!(message(&body), "Request body did not arrive in time");
    }
    drop(senders);
}

/// Serves with these limits until the guard is dropped. Returns the address.
async fn listen(connections: Connections) -> (std::net::SocketAddr, tokio_util::sync::DropGuard) {
    listen_within(LIMITS, connections).await
}

/// Like [`listen`], with other limits of admission.
async fn listen_within(
    limits: Limits,
    connections: Connections,
) -> (std::net::SocketAddr, tokio_util::sync::DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let routes = service(&Gate::shut(), limits);
    tokio::spawn(connections.serve(listener, routes, stop.clone()));
    (address, stop.drop_guard())
}

/// Everything that the server sends until it closes the connection.
async fn rest(mut connection: TcpStream) -> String {
    let mut received = Vec::new();
    let closed = timeout(TIMEOUT, connection.read_to_end(&mut received)).await;
    closed.expect("the server closes the connection").unwrap();
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn the_connection_of_a_slow_head_is_closed() {
    let (address, _serving) = listen(Connections {
        max: 8,
        head_timeout: Duration::from_millis(200),
    })
    .await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    let sending = async {
        // A header that never ends.
        connection.write_all(b"GET /stuck HTTP/1.1\r\nx: ").await?;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            connection.write_all(b"x").await?;
        }
    };
    let closed: Result<Result<(), std::io::Error>, _> = timeout(TIMEOUT, sending).await;
    closed
        .expect("the server closes the connection")
        .unwrap_err();
}

#[tokio::test]
async fn a_slow_body_is_refused() {
    let (address, _serving) = listen(Connections::default()).await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = b"POST /echo HTTP/1.1\r\nhost: here\r\ncontent-length: 1000\r\n\r\n{";
    connection.write_all(head).await.unwrap();
    let response = rest(connection).await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert!(
        response.contains("Request body did not arrive in time"),
        "{response}"
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_one_to_end() {
    let (address, _serving) = listen(Connections {
        max: 1,
        ..Connections::default()
    })
    .await;
    let first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    let request = b"GET /nowhere HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
    second.write_all(request).await.unwrap();
    let early = timeout(Duration::from_millis(100), second.readable()).await;
    early.expect_err("the second connection waits");
    drop(first);
    assert!(rest(second).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn readiness_is_reported_at_once_while_the_service_sheds() {
    let app = crate::toy::start().await;
    let address = app.base_url().strip_prefix("http://").unwrap().to_owned();
    // Bodies that do not arrive take all permits for bodies.
    let mut slow = Vec::new();
    for _ in 0..Limits::USUAL.bodies {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        let head = b"POST /nowhere HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n{";
        connection.write_all(head).await.unwrap();
        slow.push(connection);
    }
    let api = app.anonymous();
    eventually("the service sheds", async || {
        api.post_raw("/nowhere", "{}").await.status == 503
    })
    .await;
    let admin = app.admin();
    let ready = timeout(Duration::from_secs(2), admin.get("/readyz")).await;
    assert_eq!(ready.expect("a response at once").status, 200);
    drop(slow);
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_sends_too_large_a_body_receives_the_refusal() {
    let limits = Limits {
        body_time: TIMEOUT,
        ..LIMITS
    };
    let (address, _serving) = listen_within(limits, Connections::default()).await;
    let part = "x".repeat(10_000);
    let chunk = format!("2710\r\n{part}\r\n");
    for (framing, part, end) in [
        ("content-length: 3000000", &part, ""),
        ("transfer-encoding: chunked", &chunk, "0\r\n\r\n"),
    ] {
        for _ in 0..20 {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let head = format!("POST /echo HTTP/1.1\r\nhost: here\r\n{framing}\r\n\r\n");
            connection.write_all(head.as_bytes()).await.unwrap();
            for _ in 0..300 {
                connection.write_all(part.as_bytes()).await.unwrap();
            }
            connection.write_all(end.as_bytes()).await.unwrap();
            // The connection is still open.
            let next = b"GET /nowhere HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
            connection.write_all(next).await.unwrap();
            let received = rest(connection).await;
            assert!(received.starts_with("HTTP/1.1 413 "), "{received}");
            assert!(received.contains("Request body is too large"), "{received}");
            assert!(received.contains("HTTP/1.1 404 "), "{received}");
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_refused_at_once() {
    let (address, _serving) = listen(Connections::default()).await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = b"POST /echo HTTP/1.1\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: 3000000\r\n\r\n";
    connection.write_all(head).await.unwrap();
    let response = rest(connection).await;
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
}

#[tokio::test]
async fn the_connection_of_an_endless_body_is_closed() {
    let (address, _serving) = listen(Connections::default()).await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = b"POST /echo HTTP/1.1\r\nhost: here\r\ncontent-length: 100000000000\r\n\r\n";
    connection.write_all(head).await.unwrap();
    let sent = async {
        let mut sent = 0;
        while connection.write_all(&[b'x'; 10_000]).await.is_ok() {
            sent += 10_000;
        }
        sent
    };
    let sent = timeout(TIMEOUT, sent).await;
    let sent = sent.expect("the server closes the connection");
    // This includes what the kernel buffers.
    assert!(sent < 50_000_000, "{sent}");
}
