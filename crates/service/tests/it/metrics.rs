//! Metrics report what happened, with the declared names and labels.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use common::Subject;
use telemetry::metrics::Metrics;
use testkit::{Condition, Proxy, Scrape, Servers, eventually};
use tower::ServiceExt;
use web::stack;

use crate::toy::{create, leave_in_outbox, start, start_with, ticket, times_seen};

const REQUESTS: &str = "http_server_request_duration_seconds_count";

async fn read(metrics: &Metrics) -> Scrape {
    Scrape::read(&metrics.render().await).unwrap()
}

fn is(number: f64, expected: u32) -> bool {
    (number - f64::from(expected)).abs() < f64::EPSILON
}

#[tokio::test]
async fn requests_are_counted_by_the_template_of_their_route() {
    let metrics = Metrics::new("toy", &[web::METRICS]);
    let routes = Router::new().route("/things/{id}", get(async || "here"));
    let service = stack(routes, &metrics);
    for (method, path) in [
        ("GET", "/things/17"),
        ("GET", "/things/secret"),
        ("GET", "/nowhere/17"),
        ("BREW", "/things/17"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        service.clone().oneshot(request).await.unwrap();
    }
    let scrape = read(&metrics).await;
    let route = ("http_route", "/things/{id}");
    let found = [
        route,
        ("http_request_method", "GET"),
        ("http_response_status_code", "200"),
    ];
    assert_eq!(scrape.count(REQUESTS, &found), 2, "{scrape:?}");
    let unmatched = ("http_route", "unmatched");
    assert_eq!(scrape.count(REQUESTS, &[unmatched]), 1, "{scrape:?}");
    let unknown = [route, ("http_request_method", "_OTHER")];
    assert_eq!(scrape.count(REQUESTS, &unknown), 1, "{scrape:?}");
    assert_eq!(scrape.count("http_server_active_requests", &[]), 0);
    let routes = scrape.values_of("http_route");
    assert!(
        routes
            .iter()
            .all(|found| [route.1, unmatched.1].contains(found))
    );
}

#[tokio::test]
async fn services_in_one_process_have_separate_metrics() {
    let (one, other) = (start().await, start().await);
    create(&one, "fatal").await;
    one.take_dead_letter().await;
    let name = "ticketing_dead_letters_total";
    eventually("the dead letter is counted", async || {
        one.metrics().await.count(name, &[]) == 1
    })
    .await;
    assert_eq!(other.metrics().await.count(name, &[]), 0);
    one.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn an_event_is_measured_from_its_write_to_its_effect() {
    let app = start().await;
    let ticket = create(&app, "fine").await;
    let labels = [("consumer", "toy-service"), ("subject", "ticket:created")];
    eventually("its effect is measured", async || {
        let scrape = app.metrics().await;
        scrape.count("ticketing_event_apply_lag_seconds_count", &labels) == 1
    })
    .await;
    let scrape = app.metrics().await;
    let lag = scrape.sum("ticketing_event_apply_lag_seconds_sum", &labels);
    assert!(lag > 0.0 && lag < 15.0, "{lag}");
    let group = [
        ("messaging_consumer_group_name", "toy-service"),
        ("error_type", ""),
    ];
    assert_eq!(
        scrape.count("messaging_process_duration_seconds_count", &group),
        1
    );
    assert_eq!(scrape.count("ticketing_broker_connected", &[]), 1);
    assert_eq!(times_seen(&app, &ticket).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn redeliveries_and_dead_letters_are_counted_by_their_reason() {
    let app = start().await;
    create(&app, "retry").await;
    app.take_dead_letter().await;
    create(&app, "fatal").await;
    app.take_dead_letter().await;
    let name = "ticketing_dead_letters_total";
    eventually("both are counted", async || {
        app.metrics().await.count(name, &[]) == 2
    })
    .await;
    let scrape = app.metrics().await;
    for reason in ["out_of_tries", "fatal"] {
        assert_eq!(scrape.count(name, &[("reason", reason)]), 1, "{scrape:?}");
    }
    // Of four deliveries, all but the first are redeliveries.
    assert_eq!(
        scrape.count("ticketing_event_redeliveries_total", &[]),
        3,
        "{scrape:?}"
    );
    app.finish().await;
}

#[tokio::test]
async fn an_outbox_grows_while_the_broker_is_away() {
    let nats = Servers::shared().await.nats_url();
    let nats = nats.strip_prefix("nats://").unwrap();
    let proxy = Proxy::start(nats.parse().unwrap()).await.unwrap();
    let app = start_with([("NATS_URL", format!("nats://{}", proxy.address()))]).await;
    let things = [("collection", "things")];
    let waiting = async || {
        let scrape = app.metrics().await;
        let documents = scrape.sum("ticketing_outbox_documents", &things);
        (
            documents,
            scrape.sum("ticketing_outbox_oldest_age_seconds", &things),
        )
    };
    assert!(is(waiting().await.0, 0));
    proxy.set(Condition::Cut);
    eventually("the connection is lost", async || {
        app.metrics().await.count("ticketing_broker_connected", &[]) == 0
    })
    .await;
    for title in ["one", "another"] {
        leave_in_outbox(&app, &ticket(title)).await;
    }
    eventually("the waiting events are counted", async || {
        let (documents, age) = waiting().await;
        is(documents, 2) && age > 1.0
    })
    .await;
    proxy.set(Condition::Open);
    eventually("the events are published", async || {
        let (documents, age) = waiting().await;
        is(documents, 0) && is(age, 0)
    })
    .await;
    assert_eq!(app.published(Subject::TicketUpdated).await.len(), 2);
    let scrape = app.metrics().await;
    let updated = [("subject", "ticket:updated")];
    assert_eq!(
        scrape.count("ticketing_event_publish_lag_seconds_count", &updated),
        2
    );
    app.finish().await;
}

#[tokio::test]
async fn the_process_its_phase_and_its_database_are_measured() {
    let app = start().await;
    let scrape = app.metrics().await;
    assert_eq!(scrape.count("ticketing_phase", &[("phase", "serving")]), 1);
    assert_eq!(
        scrape.count("ticketing_build_info", &[("service", "toy")]),
        1
    );
    assert!(scrape.sum("process_resident_memory_bytes", &[]) > 1e6);
    assert!(scrape.sum("process_open_fds", &[]) > 0.0);
    assert!(scrape.sum("tokio_alive_tasks", &[]) > 0.0);
    assert!(scrape.sum("ticketing_db_connections_created_total", &[]) > 0.0);
    assert!(scrape.sum("db_client_connection_count", &[]) > 0.0);
    assert!(scrape.has("db_client_operation_duration_seconds_count"));
    let all = scrape.sum("ticketing_reemissions_total", &[]);
    assert!(is(all, 1), "the stream of a test is new: {all}");
    app.finish().await;
}
