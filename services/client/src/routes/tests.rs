//! The site without an API: paths, methods and headers.

use std::sync::Mutex;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use base::{Clock, Environment};
use common::ErrorBody;
use telemetry::metrics::Metrics;
use tempfile::TempDir;
use tower::ServiceExt;
use tracing::subscriber::set_default;
use tracing_subscriber::fmt::MakeWriter;
use web::Admission;

use super::site;
use crate::config::Config;
use crate::state::AppState;

const FILES: [&str; 4] = ["client.js", "client_bg.wasm", "shop.css", "favicon.svg"];

/// The site at `https://ticketing.test`, with a folder of static files.
fn start() -> (TempDir, Admission) {
    // Without a global subscriber, other tests could disable the log events of this one.
    telemetry::log_tests();
    let folder = TempDir::new().unwrap();
    let names = FILES.map(|name| format!("\"{name}\":\"{name}\""));
    let list = format!("{{{}}}", names.join(","));
    std::fs::write(folder.path().join("assets.json"), list).unwrap();
    for (ending, content) in [("", "plain"), (".br", "brotli"), (".gz", "gzip")] {
        let file = folder.path().join(format!("shop.css{ending}"));
        std::fs::write(file, content).unwrap();
    }
    let variables = [
        // No server listens there.
        ("API_ORIGIN", "http://127.0.0.1:1"),
        ("PUBLIC_ORIGIN", "https://ticketing.test"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_1"),
        ("SITE_ROOT", folder.path().to_str().unwrap()),
    ];
    let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::read(&mut Environment::of(owned)).unwrap();
    let metrics = Metrics::none();
    let state = AppState::new(config, Clock::system(), &metrics).unwrap();
    (folder, site(state, &metrics))
}

async fn send(
    site: &Admission,
    method: Method,
    path: &str,
    headers: &[(&str, &[u8])],
) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    let request = request.body(Body::empty()).unwrap();
    let (head, body) = site.clone().oneshot(request).await.unwrap().into_parts();
    (
        head.status,
        head.headers,
        to_bytes(body, usize::MAX).await.unwrap(),
    )
}

fn message(body: &[u8]) -> String {
    let body: ErrorBody = serde_json::from_slice(body).unwrap();
    body.errors[0].message.clone()
}

#[tokio::test]
async fn unknown_api_paths_get_errors_in_the_contracts_format() {
    let (_folder, site) = start();
    let brew = Method::from_bytes(b"BREW").unwrap();
    for path in [
        "/api",
        "/api/",
        "/api/unknown",
        "/api/expiration/",
        "/api//",
        "/api/a/b?c=d",
    ] {
        for method in [
            Method::GET,
            Method::POST,
            Method::DELETE,
            Method::OPTIONS,
            brew.clone(),
        ] {
            let (status, headers, body) = send(&site, method, path, &[]).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/json", "{path}");
            assert_eq!(message(&body), "Not Found", "{path}");
        }
    }
    let evil = ("sec-fetch-site", b"cross-site".as_slice());
    let (status, _, body) = send(&site, Method::POST, "/api/unknown", &[evil]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(message(&body), "Requests from another site are refused");
    let request = Request::post("/api/unknown").body(Body::from(vec![b'x'; 100_001]));
    let refused = site.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let body = to_bytes(refused.into_body(), usize::MAX).await.unwrap();
    assert_eq!(message(&body), "Request body is too large");
}

#[tokio::test]
async fn other_unknown_paths_get_a_page() {
    let (_folder, site) = start();
    for path in ["/nothing", "/apiary", "/nothing/api/"] {
        let (status, headers, _) = send(&site, Method::GET, path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        let kind = headers[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.starts_with("text/html"), "{path}: {kind}");
    }
}

#[tokio::test]
async fn every_page_supports_head_and_a_trailing_slash() {
    let (_folder, site) = start();
    for path in [
        "/auth/signin",
        "/auth/signup",
        // Both redirect a visitor who is not signed in.
        "/tickets/new",
        "/auth/signout",
        "/docs",
        "/docs/events",
        "/docs/asyncapi.json",
        "/docs/openapi/tickets.json",
        "/robots.txt",
        "/favicon.ico",
        "/assets/shop.css",
    ] {
        let (status, headers, _) = send(&site, Method::GET, path, &[]).await;
        assert!(status.is_success() || status.is_redirection(), "{path}");
        for (method, path) in [
            (Method::HEAD, path.to_owned()),
            (Method::GET, format!("{path}/")),
            (Method::HEAD, format!("{path}/")),
        ] {
            let (other, others, body) = send(&site, method.clone(), &path, &[]).await;
            assert_eq!(other, status, "{method} {path}");
            for name in [
                header::LOCATION,
                header::CONTENT_TYPE,
                header::CONTENT_LENGTH,
            ] {
                assert_eq!(others.get(&name), headers.get(&name), "{method} {path}");
            }
            assert_eq!(
                body.is_empty(),
                method == Method::HEAD || status.is_redirection()
            );
        }
    }
}

#[tokio::test]
async fn clients_that_refuse_all_encodings_get_unencoded_responses() {
    let (_folder, site) = start();
    for accepted in [
        "*;q=0",
        "identity;q=0",
        "gzip;q=0, identity;q=0",
        "*;q=0, identity;q=0",
        "br;q=0, gzip;q=0, *;q=0",
        "",
        "nonsense",
    ] {
        let headers = [("accept-encoding", accepted.as_bytes())];
        for path in ["/auth/signin", "/assets/shop.css", "/docs/asyncapi.json"] {
            let (status, headers, _) = send(&site, Method::GET, path, &headers).await;
            assert_eq!(status, StatusCode::OK, "{path} for {accepted}");
            assert!(
                !headers.contains_key(header::CONTENT_ENCODING),
                "{accepted}"
            );
        }
    }
    for (accepted, content) in [("br, *;q=0", "brotli"), ("gzip, identity;q=0", "gzip")] {
        let headers = [("accept-encoding", accepted.as_bytes())];
        let (_, _, body) = send(&site, Method::GET, "/assets/shop.css", &headers).await;
        assert_eq!(body, content, "{accepted}");
    }
}

#[tokio::test]
async fn forms_from_the_public_origin_are_accepted_for_any_host_header() {
    let (_folder, site) = start();
    let from = async |origin: &str| {
        let host = ("host", b"client-srv:3000".as_slice());
        let headers = [host, ("origin", origin.as_bytes())];
        send(&site, Method::POST, "/auth/signout", &headers).await.0
    };
    // The form was accepted, but there is no API.
    assert_eq!(
        from("https://ticketing.test").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    for other in ["https://evil.test", "http://ticketing.test", "null"] {
        assert_eq!(from(other).await, StatusCode::FORBIDDEN, "{other}");
    }
}

#[tokio::test]
async fn an_unreadable_cookie_does_not_hide_the_session() {
    let (_folder, site) = start();
    for (cookies, status) in [
        (b"theme=dark".as_slice(), StatusCode::SEE_OTHER),
        (b"session=x", StatusCode::SERVICE_UNAVAILABLE),
        (
            b"theme=d\xfcster; session=x",
            StatusCode::SERVICE_UNAVAILABLE,
        ),
    ] {
        // A session is looked up at the API, which is absent.
        let cookies = [("cookie", cookies)];
        let answer = send(&site, Method::GET, "/auth/signout", &cookies).await;
        assert_eq!(answer.0, status, "{cookies:?}");
    }
}

/// The captured log.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[tokio::test]
async fn reports_and_paths_cannot_flood_the_log() {
    let subscriber = tracing_subscriber::fmt().with_ansi(false);
    let subscriber = subscriber.with_writer(|| LOG.make_writer()).finish();
    // The runtime of this test is single-threaded, so the subscriber of this thread receives everything.
    let _default = set_default(subscriber);
    let (_folder, site) = start();
    for _ in 0..50 {
        let report = Request::post("/csp-reports").body(Body::from(vec![0xff; 50_000]));
        let taken = site.clone().oneshot(report.unwrap()).await.unwrap();
        assert_eq!(taken.status(), StatusCode::NO_CONTENT);
    }
    let path = format!("/{}", "x".repeat(50_000));
    let id = [("x-request-id", [b'x'; 10_000].as_slice())];
    send(&site, Method::GET, &path, &id).await;
    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    let lines = log
        .lines()
        .filter(|line| line.contains("content security policy"));
    assert!((1..25).contains(&lines.count()), "{log}");
    assert_eq!(log.matches("request answered").count(), 51);
    let longest = log.lines().map(str::len).max();
    assert!(
        longest.is_some_and(|longest| longest < 6_000),
        "{longest:?}"
    );
}
