//! Every failure has the contract's shape, whatever made it, and every answer the stack's headers.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::routing::{get, post};
use common::api::tickets::TicketDetails;
use common::{ErrorBody, FieldError};
use serde_json::{Value, json};
use service::ApiError;
use service::http::{Admission, BODY_LIMIT, Valid, stack};
use service::metrics::Metrics;
use tower::ServiceExt;

fn app() -> Admission {
    stack(
        Router::new()
            .route(
                "/echo",
                post(async |Valid(ticket): Valid<TicketDetails>| ticket.title.to_string()),
            )
            .route("/panic", get(panicking))
            .route(
                "/away",
                get(async || ApiError::Unavailable("secret inside".into())),
            ),
        &Metrics::none(),
    )
}

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
    for (method, path) in [(Method::GET, "/nowhere"), (Method::DELETE, "/echo")] {
        let (status, _, body) = send(request(method, path, "")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(message(body), "Not Found");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
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
async fn wrong_fields_are_named() {
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
async fn a_body_too_large_is_refused() {
    let body = json!({ "title": "x".repeat(BODY_LIMIT), "price": 1 }).to_string();
    let (status, _, answer) = send(request(Method::POST, "/echo", body)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(message(answer), "Request body is too large");
}

#[tokio::test]
async fn the_inside_of_a_failure_never_reaches_the_client() {
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
async fn answers_carry_the_security_headers_and_the_request_id() {
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
