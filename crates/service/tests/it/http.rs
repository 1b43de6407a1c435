//! Every error has the contract's shape, and every response has the headers of the middleware stack.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::routing::{get, post};
use common::api::tickets::TicketDetails;
use common::{ErrorBody, FieldError};
use serde_json::{Value, json};
use telemetry::metrics::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use web::{Admission, ApiError, BODY_LIMIT, Connections, Valid, stack};

fn app() -> Admission {
    stack(
        Router::new()
            .route(
                "/echo",
                post(async |Valid(ticket): Valid<TicketDetails>| ticket.title.to_string()),
            )
            .route("/text", get(async || TEXT.repeat(100)))
            .route("/panic", get(panicking))
            .route(
                "/away",
                get(async || ApiError::Unavailable("secret inside".into())),
            ),
        &Metrics::none(),
    )
}

const TEXT: &str = "worth compressing ";

async fn panicking() -> &'static str {
    panic!("secret inside")
}

async fn send(request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let response = app().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (parts.status, parts.headers, json)
}

fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .body(body.into())
        .unwrap()
}

fn message(body: Value) -> String {
    let mut body: ErrorBody = serde_json::from_value(body).unwrap();
    assert_eq!(body.errors.len(), 1);
    body.errors.remove(0).message
}

#[tokio::test]
async fn an_unknown_path_or_method_is_not_found() {
    for (method, path) in [
        (Method::GET, "/nowhere"),
        (Method::POST, "/nowhere/"),
        (Method::GET, "/%FF"),
        (Method::DELETE, "/echo"),
        (Method::OPTIONS, "*"),
        (Method::from_bytes(b"BREW").unwrap(), "/echo/"),
    ] {
        let (status, _, body) = send(request(method, path, "")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(message(body), "Not Found");
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused() {
    for body in ["{", "[]", "\"text\"", "null", "{\"title\":}", "\u{0}"] {
        let (status, _, answer) = send(request(Method::POST, "/echo", body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(
            message(answer),
            "Request body must be a JSON object",
            "{body}"
        );
    }
}

#[tokio::test]
async fn invalid_fields_are_listed() {
    let (status, _, answer) = send(request(Method::POST, "/echo", "{}")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let body: ErrorBody = serde_json::from_value(answer).unwrap();
    let expected = [
        FieldError::new("title", "Title is required"),
        FieldError::new("price", "Price must be greater than 0"),
    ];
    assert_eq!(body.errors, expected);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let body = json!({ "title": "x".repeat(BODY_LIMIT), "price": 1 }).to_string();
    let (status, _, answer) = send(request(Method::POST, "/echo", body)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(message(answer), "Request body is too large");
}

#[tokio::test]
async fn the_cause_of_an_error_never_reaches_the_client() {
    let (status, headers, answer) = send(request(Method::GET, "/panic", "")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(message(answer), "Something went wrong");
    assert!(headers.contains_key("x-request-id"));
    let (status, headers, answer) = send(request(Method::GET, "/away", "")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers[header::RETRY_AFTER], "1");
    assert_eq!(message(answer), "Service is temporarily unavailable");
}

#[tokio::test]
async fn a_write_from_another_site_is_refused() {
    let body = r#"{"title":"Front row","price":1}"#;
    let from = |headers: &[(&str, &str)]| {
        let mut request = request(Method::POST, "/echo", body);
        let given = headers.iter().map(|(name, value)| {
            (
                name.parse::<header::HeaderName>().unwrap(),
                value.parse().unwrap(),
            )
        });
        request.headers_mut().extend(given);
        request
    };
    let host = ("host", "ticketing.dev");
    for refused in [
        &[host, ("sec-fetch-site", "cross-site")][..],
        &[host, ("origin", "https://evil.example")][..],
        &[host, ("origin", "null")][..],
    ] {
        let (status, _, answer) = send(from(refused)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{refused:?}");
        assert_eq!(message(answer), "Requests from another site are refused");
    }
    for passed in [
        &[][..],
        &[host, ("sec-fetch-site", "same-origin")][..],
        &[host, ("origin", "https://ticketing.dev")][..],
    ] {
        let (status, ..) = send(from(passed)).await;
        assert_eq!(status, StatusCode::OK, "{passed:?}");
    }
}

#[tokio::test]
async fn responses_have_the_security_headers_and_the_request_id() {
    let mut asked = request(Method::GET, "/nowhere", "");
    asked
        .headers_mut()
        .insert("x-request-id", "of-the-ingress".parse().unwrap());
    let (_, headers, _) = send(asked).await;
    assert_eq!(headers["x-request-id"], "of-the-ingress");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn a_trailing_slash_finds_its_endpoint_with_the_body() {
    let body = r#"{"title":"Front row","price":1}"#;
    for path in ["/echo", "/echo/", "/echo/?a=b/"] {
        let (status, ..) = send(request(Method::POST, path, body)).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    let (status, ..) = send(request(Method::POST, "/echo//", body)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

/// The response of a listening server to a request with these headers, read until it closes the connection.
async fn exchange(path: &str, headers: &str) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let _stop_on_drop = stop.clone().drop_guard();
    tokio::spawn(Connections::default().serve(listener, app(), stop));
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{headers}\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn a_client_that_refuses_every_coding_receives_the_response_unencoded() {
    let plain = TEXT.repeat(100);
    for accepted in [
        "",
        "*;q=0",
        "identity;q=0",
        "gzip;q=0, identity;q=0",
        "*;q=0, identity;q=0",
        "gzip;q=0,*;q=0",
        "IDENTITY ; q=0.000, br",
        "identity;q=0\r\naccept-encoding: *;q=0",
        ";q=0,,;,*;q=,identity;q=zero",
        "\u{fc}",
    ] {
        let response = exchange("/text", &format!("accept-encoding: {accepted}\r\n")).await;
        let response = String::from_utf8(response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{accepted}: {head}");
        assert!(!head.contains("content-encoding"), "{accepted}: {head}");
        assert_eq!(body, plain, "{accepted}");
    }
}

#[tokio::test]
async fn a_client_that_accepts_gzip_receives_it_whatever_else_it_refuses() {
    for accepted in ["gzip", "*", "gzip, *;q=0", "identity;q=0, gzip;q=0.5"] {
        let response = exchange("/text", &format!("accept-encoding: {accepted}\r\n")).await;
        let response = String::from_utf8_lossy(&response);
        assert!(response.starts_with("HTTP/1.1 200 "), "{accepted}");
        assert!(response.contains("content-encoding: gzip"), "{accepted}");
    }
}

#[tokio::test]
async fn a_request_id_of_a_client_is_used_only_if_it_is_single_short_and_plain() {
    let id_for = async |ids: &[&[u8]]| {
        let mut asked = request(Method::GET, "/nowhere", "");
        for id in ids {
            let id = header::HeaderValue::from_bytes(id).unwrap();
            asked.headers_mut().append("x-request-id", id);
        }
        let (_, headers, _) = send(asked).await;
        assert_eq!(headers.get_all("x-request-id").iter().count(), 1);
        headers["x-request-id"].as_bytes().to_owned()
    };
    let longest = [b'x'; 128];
    for accepted in [&longest[..], b"1-5759e988:bd862e3f"] {
        assert_eq!(id_for(&[accepted]).await, accepted);
    }
    let too_long = [b'x'; 129];
    let [quoted, byte, empty, a, b] = ["a\"b", "\u{fc}", "", "a", "b"].map(str::as_bytes);
    for refused in [&[&too_long[..]][..], &[quoted], &[byte], &[empty], &[a, b]] {
        let id = id_for(refused).await;
        assert!(!refused.contains(&id.as_slice()), "{refused:?}");
        assert_eq!(id.len(), 32);
    }
}

#[tokio::test]
async fn the_admin_port_answers_head_and_paths_with_a_trailing_slash() {
    let toy = crate::toy::start().await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(toy.admin().get_in_every_spelling(path).await.status, 200);
    }
    let metrics = toy.admin().get("/metrics/").await;
    assert!(metrics.text.contains("# TYPE"), "{metrics:?}");
    assert_eq!(toy.admin().get("/nowhere/").await.message(), "Not Found");
    toy.finish().await;
}
