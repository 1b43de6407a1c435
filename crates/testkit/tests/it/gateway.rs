//! The gateway: routes of the ingress manifest, replicas in turn, streams, and responses when no replica answers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::post;
use futures::StreamExt;
use futures::channel::mpsc;
use telemetry::metrics::Metrics;
use testkit::gateway::{Backends, Routes};
use testkit::{Api, Gateway, eventually};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use web::{Connections, stack};

const MANIFEST: &str = include_str!("../../../../infra/k8s/ingress-srv.yaml");
const TIMEOUT: Duration = Duration::from_secs(10);

/// Starts a service.
async fn backend(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Starts a service that answers every request with its name.
async fn named(name: &'static str) -> SocketAddr {
    backend(Router::new().fallback(async move || name)).await
}

/// An address without a listener.
async fn unused_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

async fn gateway<const N: usize>(backends: [(&str, Vec<SocketAddr>); N]) -> (Gateway, Api) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backends: Backends = backends.map(|(name, to)| (name.to_owned(), to)).into();
    let gateway = Gateway::start(listener, MANIFEST, backends).unwrap();
    let api = Api::anonymous(&gateway.origin());
    (gateway, api)
}

#[test]
fn every_path_of_the_contract_routes_to_its_service() {
    let routes = Routes::read(MANIFEST).unwrap();
    let expected = [
        ("/api/users/signup", "auth-srv"),
        ("/api/auth/openapi.json", "auth-srv"),
        ("/api/auth/openapi.json/", "auth-srv"),
        ("/api/tickets/", "tickets-srv"),
        ("/api/tickets", "tickets-srv"),
        ("/api/tickets/1", "tickets-srv"),
        ("/api/ticket/create", "tickets-srv"),
        ("/api/tickets/openapi.json", "tickets-srv"),
        ("/api/orders/1", "orders-srv"),
        ("/api/payments/webhook", "payments-srv"),
        // The client answers 404.
        ("/api/expiration", "client-srv"),
        ("/api/unknown", "client-srv"),
        ("/", "client-srv"),
        ("/orders", "client-srv"),
    ];
    for (path, service) in expected {
        assert_eq!(routes.service(path), Some(service), "{path}");
    }
}

#[test]
fn a_prefix_matches_whole_path_elements_only() {
    let routes = Routes::read(MANIFEST).unwrap();
    assert_eq!(routes.service("/api/ticketsandmore"), Some("client-srv"));
    assert_eq!(routes.service("/api/auth/other"), Some("client-srv"));
}

#[test]
fn an_exact_path_wins_over_a_prefix_of_the_same_length() {
    let path = |kind: &str, service: &str| {
        format!("{{path: /a, pathType: {kind}, backend: {{service: {{name: {service}}}}}}}")
    };
    let paths = [path("Prefix", "prefix"), path("Exact", "exact")].join(", ");
    let manifest = format!("spec: {{rules: [{{http: {{paths: [{paths}]}}}}]}}");
    let routes = Routes::read(&manifest).unwrap();
    assert_eq!(routes.service("/a"), Some("exact"));
    assert_eq!(routes.service("/a/"), Some("prefix"));
    assert_eq!(routes.service("/b"), None);
}

#[tokio::test]
async fn replicas_take_turns() {
    let replicas = vec![named("one").await, named("two").await];
    let (_gateway, api) = gateway([("orders-srv", replicas)]).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(api.get("/api/orders").await.text);
    }
    answers.sort();
    assert_eq!(answers, ["one", "one", "two", "two"]);
}

#[tokio::test]
async fn the_next_replica_gets_the_whole_body_if_the_first_is_down() {
    let echo = Router::new().fallback(async |body: Bytes| body);
    let replicas = vec![unused_address().await, backend(echo).await];
    let (_gateway, api) = gateway([("orders-srv", replicas)]).await;
    for _ in 0..4 {
        let answer = api.post_raw("/api/orders", "x".repeat(50_000)).await;
        assert_eq!((answer.status, answer.text.len()), (200, 50_000));
    }
}

#[tokio::test]
async fn a_service_without_a_running_replica_is_unavailable_in_the_contracts_shape() {
    let (gateway, api) = gateway([("orders-srv", vec![unused_address().await])]).await;
    let answer = api.get("/api/orders").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(!answer.message().is_empty());

    gateway.set_backends("orders-srv", vec![named("back").await]);
    assert_eq!(api.get("/api/orders").await.text, "back");
}

#[tokio::test]
async fn a_path_of_an_unknown_service_is_not_found() {
    let (_gateway, api) = gateway([]).await;
    let answer = api.get("/").await;
    assert_eq!((answer.status, answer.message()), (404, "Not Found"));
}

#[tokio::test]
async fn a_request_whose_connection_breaks_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broken = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            connection.readable().await.unwrap();
        }
    });
    let (gateway, api) = gateway([("orders-srv", vec![broken])]).await;
    let answer = api.post_raw("/api/orders", "once").await;
    assert_eq!(answer.status, 502);
    assert!(!answer.message().is_empty());
    gateway.stop().await;
}

#[tokio::test]
async fn a_response_passes_piece_by_piece() {
    let (pieces, source) = mpsc::unbounded::<&'static str>();
    let source = Arc::new(Mutex::new(Some(source)));
    let stream = async move || {
        let source = source.lock().unwrap().take().unwrap();
        Body::from_stream(source.map(Ok::<_, Infallible>))
    };
    let service = backend(Router::new().fallback(stream)).await;
    let (gateway, _) = gateway([("orders-srv", vec![service])]).await;

    let mut response = reqwest::get(format!("{}/api/orders", gateway.origin()))
        .await
        .unwrap();
    for piece in ["data: 1\n\n", "data: 2\n\n"] {
        pieces.unbounded_send(piece).unwrap();
        let arrived = timeout(TIMEOUT, response.chunk())
            .await
            .expect("the piece passes at once");
        assert_eq!(arrived.unwrap().unwrap(), piece);
    }
    drop(response);
    let closed = async || pieces.unbounded_send("data: 3\n\n").is_err();
    eventually("the service notices the disconnect", closed).await;
}

#[tokio::test]
async fn a_service_gets_the_clients_address_and_no_hop_by_hop_headers() {
    let echo = Router::new().fallback(async |request: Request| {
        let line = |(name, value): (_, &axum::http::HeaderValue)| {
            format!("{name}: {}\n", value.to_str().unwrap())
        };
        request.headers().iter().map(line).collect::<String>()
    });
    let (gateway, api) = gateway([("orders-srv", vec![backend(echo).await])]).await;
    let request = api
        .request(reqwest::Method::GET, "/api/orders")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-request-id", "abc")
        .header("connection", "x-secret")
        .header("x-secret", "1")
        .header("te", "trailers");
    let seen = api.send(request).await.text;
    let host = gateway.address();
    for line in [
        format!("host: {host}"),
        "x-forwarded-for: 192.0.2.1, 127.0.0.1".to_owned(),
        "x-real-ip: 127.0.0.1".to_owned(),
        "x-forwarded-proto: http".to_owned(),
        format!("x-forwarded-host: {host}"),
        "x-request-id: abc".to_owned(),
    ] {
        assert!(
            seen.lines().any(|seen| seen == line),
            "{line} is not in {seen}"
        );
    }
    assert!(
        !seen.contains("x-secret:") && !seen.contains("te:"),
        "{seen}"
    );
}

#[tokio::test]
async fn the_413_for_a_body_that_is_too_large_always_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/api/orders", post(async || "taken"));
    let service = stack(routes, &Metrics::none());
    let serving = Connections::default().serve(listener, service, CancellationToken::new());
    tokio::spawn(serving);
    let (gateway, api) = gateway([("orders-srv", vec![address])]).await;
    for attempt in 0..200 {
        let length = 100_001 + attempt * 10_000;
        let answer = api.post_raw("/api/orders", "x".repeat(length)).await;
        let said = (answer.status, answer.message());
        assert_eq!(said, (413, "Request body is too large"), "{length}");
    }
    assert_eq!(api.post_raw("/api/orders", "x").await.text, "taken");
    gateway.stop().await;
}
