//! Event streams behind the middleware stack of every service.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::response::sse::Event;
use axum::routing::get;
use futures::{StreamExt, stream};
use telemetry::metrics::Metrics;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use web::{Admission, EventStreams, LastEventId, stack};

/// More than a service's concurrent requests.
const MANY: usize = 1_100;

/// A service with a stream that sends the client's last event id, and then nothing.
fn service(streams: EventStreams) -> Admission {
    let endless = async move |LastEventId(last): LastEventId| {
        let begin = Event::default().data(last.unwrap_or_else(|| "nowhere".to_owned()));
        streams.answer(stream::once(async { begin }).chain(stream::pending()))
    };
    stack(
        Router::new()
            .route("/stream", get(endless))
            .route("/", get(async || "here")),
        &Metrics::none(),
    )
}

async fn ask(service: &Admission, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    service.clone().oneshot(request).await.unwrap()
}

/// What is sent until a short pause.
async fn begin(response: Response) -> String {
    let mut body = response.into_body().into_data_stream();
    let mut begin = String::new();
    while let Ok(Some(part)) = tokio::time::timeout(Duration::from_millis(200), body.next()).await {
        begin.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
    }
    begin
}

fn endless() -> EventStreams {
    EventStreams::until(CancellationToken::new(), &Metrics::none())
}

#[tokio::test]
async fn no_cache_stores_and_no_proxy_buffers_a_stream() {
    let service = service(endless());
    let response = ask(&service, "/stream", &[("accept-encoding", "gzip")]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(headers[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers["x-accel-buffering"], "no");
    assert!(!headers.contains_key(header::CONTENT_ENCODING));
    assert_eq!(begin(response).await, "retry: 1000\n\ndata: nowhere\n\n");
}

#[tokio::test]
async fn open_streams_do_not_count_as_concurrent_requests() {
    let service = service(endless());
    let mut open = Vec::new();
    for _ in 0..MANY {
        let response = ask(&service, "/stream", &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        open.push(response);
    }
    assert_eq!(ask(&service, "/", &[]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn one_stream_too_many_is_refused_with_503() {
    let metrics = Metrics::none();
    let service = service(EventStreams::limited(2, CancellationToken::new(), &metrics));
    let first = ask(&service, "/stream", &[]).await;
    let second = ask(&service, "/stream", &[]).await;
    let third = ask(&service, "/stream", &[]).await;
    assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(third.headers()[header::RETRY_AFTER], "1");
    let body = axum::body::to_bytes(third.into_body(), 1_000)
        .await
        .unwrap();
    assert!(body.starts_with(b"{\"errors\":["));
    drop(first);
    assert_eq!(ask(&service, "/stream", &[]).await.status(), StatusCode::OK);
    drop(second);
}

#[tokio::test]
async fn streams_end_when_the_process_stops() {
    let stop = CancellationToken::new();
    let service = service(EventStreams::until(stop.clone(), &Metrics::none()));
    let mut body = ask(&service, "/stream", &[])
        .await
        .into_body()
        .into_data_stream();
    body.next().await.unwrap().unwrap();
    stop.cancel();
    while body.next().await.is_some() {}
    let late = ask(&service, "/stream", &[]).await;
    assert_eq!(begin(late).await, "");
}

#[tokio::test]
async fn a_client_sends_its_last_event_id_in_a_header_or_the_query() {
    let service = service(endless());
    let header = ("last-event-id", "7-1");
    for (path, headers, expected) in [
        ("/stream", &[header][..], "7-1"),
        ("/stream?lastEventId=7-2", &[], "7-2"),
        ("/stream?lastEventId=7-2", &[header], "7-1"),
        ("/stream?lastEventId=", &[], "nowhere"),
        ("/stream", &[("last-event-id", "\u{fc}")], "\u{fc}"),
        ("/stream?lastEventId=1&lastEventId=2", &[], "nowhere"),
    ] {
        let begin = begin(ask(&service, path, headers).await).await;
        assert!(begin.contains(&format!("data: {expected}\n")), "{begin}");
    }
}

#[tokio::test]
async fn head_has_the_headers_of_a_stream_and_opens_none() {
    let metrics = Metrics::none();
    let service = service(EventStreams::limited(1, CancellationToken::new(), &metrics));
    for _ in 0..3 {
        let head = Request::head("/stream").header(header::ACCEPT, "text/event-stream");
        let head = head.body(Body::empty()).unwrap();
        let response = service.clone().oneshot(head).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        let body = axum::body::to_bytes(response.into_body(), 1_000);
        assert!(body.await.unwrap().is_empty());
    }
    assert_eq!(ask(&service, "/stream", &[]).await.status(), StatusCode::OK);
}
