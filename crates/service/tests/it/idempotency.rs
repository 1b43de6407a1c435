//! `Idempotency-Key`, as Stripe defines it, on an endpoint whose behaviour each request selects.

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base::config::Environment;
use base::{Clock, Definition};
use bson::oid::ObjectId;
use bson::{Document, doc};
use common::api::tickets::TicketDetails;
use common::id::kind;
use futures::future::join_all;
use mongo::{Collection, MongoConfig, new_id, object_id};
use serde_json::{Value, json};
use service::App;
use service::app::{StartError, connect_mongo};
use telemetry::metrics::Metrics;
use testkit::{Answer, Api, TestApp, eventually};
use web::session::{SessionConfig, Sessions};
use web::{ApiError, Authorized, Callers, Idempotency, NewId, Valid, openapi};

const DEFINITION: Definition = Definition {
    paths: &["/api/things"],
    ..Definition::new("things")
};

const THINGS: &str = "/api/things";

/// An endpoint that needs no session.
const PUBLIC: &str = "/api/things/public";

/// Longer than the longest response that is stored.
const LONG: usize = 20_000;

struct Config {
    mongo: MongoConfig,
    session: SessionConfig,
}

fn read(environment: &mut Environment) -> Option<Config> {
    Some(Config {
        mongo: MongoConfig::read(environment)?,
        session: SessionConfig::read(environment)?,
    })
}

#[derive(Clone, FromRef)]
struct Things {
    sessions: Sessions,
    /// The executions.
    #[from_ref(skip)]
    executed: Collection<Document>,
    /// A document here lets slow executions finish.
    #[from_ref(skip)]
    open: Collection<Document>,
}

async fn build(config: Config, clock: Clock) -> Result<App, StartError> {
    let metrics = Metrics::new("things", &[web::METRICS, mongo::METRICS]);
    let database = connect_mongo(&config.mongo, "things", &metrics).await?;
    let sessions = Sessions::new(&config.session, clock.clone());
    let callers = Callers::BySession(sessions.clone());
    let keys = Idempotency::open(&database, &config.session, callers, clock).await?;
    let state = Things {
        sessions,
        executed: database.collection("executed"),
        open: database.collection("open"),
    };
    let routes = openapi::routes("Things.")
        .route(THINGS, post(with_session))
        .route(PUBLIC, post(without_session));
    Ok(App::new(&DEFINITION, None, metrics, routes, state, Some(keys)).database(database))
}

async fn with_session(
    State(things): State<Things>,
    id: NewId<kind::Ticket>,
    details: Authorized<TicketDetails>,
) -> Result<Response, ApiError> {
    execute(things, id, details.input).await
}

async fn without_session(
    State(things): State<Things>,
    id: NewId<kind::Ticket>,
    Valid(details): Valid<TicketDetails>,
) -> Result<Response, ApiError> {
    execute(things, id, details).await
}

/// The title selects what happens.
async fn execute(
    things: Things,
    id: NewId<kind::Ticket>,
    details: TicketDetails,
) -> Result<Response, ApiError> {
    let id = id.get();
    let execution = doc! { "_id": ObjectId::new(), "id": object_id(id) };
    things.executed.insert_one(&execution).await?;
    let mut headers = HeaderMap::new();
    let mut body = json!({ "id": id, "nonce": format!("{:x}", rand::random::<u128>()) });
    match details.title.as_str() {
        "refused" => return Err(ApiError::bad_request("The state forbids it")),
        "broken" => return Err(ApiError::Internal("on purpose".into())),
        "away" => return Err(ApiError::Unavailable("on purpose".into())),
        "missing" => return Err(ApiError::NotFound),
        "panic" => panic!("on purpose"),
        "slow" => {
            while things.open.find_one(doc! {}).await?.is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        "session" => {
            let cookie = things
                .sessions
                .issue(new_id(), &"a@example.com".parse().unwrap());
            headers.append(header::SET_COOKIE, cookie);
        }
        "cookie" => {
            headers.append(header::SET_COOKIE, "wrote=1".parse().unwrap());
            headers.append(header::LOCATION, "/elsewhere".parse().unwrap());
        }
        "long" => body["filling"] = "x".repeat(LONG).into(),
        _ => {}
    }
    Ok((StatusCode::CREATED, headers, Json(body)).into_response())
}

async fn start() -> TestApp {
    TestApp::new("things").start(read, build).await
}

/// The service with a clock that only the test moves.
async fn start_with_clock() -> (TestApp, Clock) {
    let clock = Clock::manual(Clock::system().now());
    let app = TestApp::new("things").clock(clock.clone());
    (app.start(read, build).await, clock)
}

fn details(title: &str) -> Value {
    json!({ "title": title, "price": 1 })
}

async fn send(api: &Api, key: &str, title: &str) -> Answer {
    api.post_once(THINGS, key, details(title)).await
}

/// The number of executions.
async fn executed(app: &TestApp) -> u64 {
    let executed = app.database().collection::<Document>("executed");
    executed.count_documents(doc! {}).await.unwrap()
}

async fn stored(app: &TestApp) -> Vec<Document> {
    use futures::TryStreamExt;

    let keys = app.database().collection::<Document>("idempotency_keys");
    keys.find(doc! {})
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap()
}

fn is_replayed(answer: &Answer) -> bool {
    answer
        .headers
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_repeat_receives_the_first_result_and_executes_nothing() {
    let app = start().await;
    let api = app.user();
    for title in ["made", "refused", "broken", "cookie"] {
        let before = executed(&app).await;
        let first = send(&api, title, title).await;
        assert!(!is_replayed(&first), "{first:?}");
        for _ in 0..3 {
            let again = send(&api, title, title).await;
            assert!(is_replayed(&again), "{again:?}");
            assert_eq!((again.status, &again.text), (first.status, &first.text));
            for name in ["content-type", "set-cookie", "location"] {
                assert_eq!(
                    again.headers.get(name),
                    first.headers.get(name),
                    "{title}: {name}"
                );
            }
        }
        assert_eq!(executed(&app).await, before + 1, "{title}");
    }
    app.finish().await;
}

#[tokio::test]
async fn another_key_or_none_executes_again() {
    let app = start().await;
    let api = app.user();
    let first = send(&api, "one", "made").await;
    assert_ne!(send(&api, "another", "made").await.id(), first.id());
    assert_ne!(api.post(THINGS, details("made")).await.id(), first.id());
    assert_eq!(executed(&app).await, 3);
    assert_eq!(
        stored(&app).await.len(),
        2,
        "nothing is stored without a key"
    );
    app.finish().await;
}

#[tokio::test]
async fn a_key_that_was_used_for_another_request_is_refused() {
    let app = start().await;
    let api = app.user();
    assert_eq!(send(&api, "key", "made").await.status, 201);
    let other_path = api.post_once(PUBLIC, "key", details("made")).await;
    let other_query = api
        .post_once(&format!("{THINGS}?a=b"), "key", details("made"))
        .await;
    for refused in [send(&api, "key", "other").await, other_path, other_query] {
        let error = json!({
            "message": "Idempotency-Key was used for another request", "field": "Idempotency-Key",
        });
        assert_eq!(
            (refused.status, refused.json),
            (400, json!({ "errors": [error] }))
        );
    }
    assert_eq!(executed(&app).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn of_concurrent_requests_one_executes_and_the_others_get_409() {
    let app = start().await;
    let api = app.user();
    let first = {
        let api = api.clone();
        tokio::spawn(async move { send(&api, "key", "slow").await })
    };
    eventually("it is being executed", async || executed(&app).await == 1).await;
    let others = (0..20).map(|_| send(&api, "key", "slow"));
    for busy in join_all(others).await {
        assert_eq!(
            (busy.status, busy.message()),
            (
                409,
                "A request with this Idempotency-Key is in progress, try again later"
            )
        );
        assert_eq!(busy.headers["retry-after"], "1");
    }
    let open = app.database().collection::<Document>("open");
    open.insert_one(doc! {}).await.unwrap();
    let first = first.await.unwrap();
    assert_eq!(send(&api, "key", "slow").await.text, first.text);
    assert_eq!(executed(&app).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn simultaneous_requests_execute_once_across_all_processes() {
    let app = start().await;
    let other = app.replica().await;
    let api = app.user();
    for round in 0..10 {
        let key = format!("round {round}");
        let elsewhere = api.at(other.base_url());
        let requests = (0..10).map(|number| {
            let api = if number % 2 == 0 { &api } else { &elsewhere };
            send(api, &key, "made")
        });
        let answers = join_all(requests).await;
        let made = answers.iter().filter(|answer| answer.status == 201);
        let made: std::collections::BTreeSet<_> = made.map(|answer| &answer.text).collect();
        assert_eq!(made.len(), 1, "{answers:?}");
        let busy = answers.iter().filter(|answer| answer.status != 201);
        assert!(
            busy.clone().all(|answer| answer.status == 409),
            "{answers:?}"
        );
        assert_eq!(executed(&app).await, round + 1);
    }
    other.leave().await;
    app.finish().await;
}

#[tokio::test]
async fn a_request_that_was_not_executed_can_be_corrected_with_the_same_key() {
    let app = start().await;
    let (api, anonymous) = (app.user(), app.anonymous());
    let unreadable = anonymous
        .request(Method::POST, PUBLIC)
        .header("idempotency-key", "key")
        .body("{");
    assert_eq!(anonymous.send(unreadable).await.status, 400);
    let invalid = anonymous
        .post_once(PUBLIC, "key", json!({ "title": "made" }))
        .await;
    assert_eq!(invalid.status, 400, "{invalid:?}");
    assert_eq!(
        anonymous
            .post_once(THINGS, "key", details("made"))
            .await
            .status,
        401
    );
    assert_eq!(executed(&app).await, 0);
    assert_eq!(
        anonymous
            .post_once(PUBLIC, "key", details("made"))
            .await
            .status,
        201
    );
    assert_eq!(send(&api, "key", "missing").await.status, 404);
    assert_eq!(send(&api, "key", "made").await.status, 201);
    app.finish().await;
}

#[tokio::test]
async fn a_503_is_not_stored_and_a_repeat_executes_again_with_the_same_id() {
    let app = start().await;
    let api = app.user();
    for number in 1..4 {
        let answer = send(&api, "key", "away").await;
        assert_eq!(answer.status, 503);
        assert!(!is_replayed(&answer), "{answer:?}");
        assert_eq!(executed(&app).await, number);
    }
    assert_same_id(&app).await;
    app.finish().await;
}

/// Fails unless all executions had the same id.
async fn assert_same_id(app: &TestApp) {
    let executed = app.database().collection::<Document>("executed");
    let ids = executed.distinct("id", doc! {}).await.unwrap();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn a_request_of_a_dead_process_is_executed_again_after_its_lease_with_the_same_id() {
    let (app, clock) = start_with_clock().await;
    let api = app.user();
    assert_eq!(send(&api, "key", "panic").await.status, 500);
    assert_eq!(send(&api, "key", "panic").await.status, 409);
    assert_eq!(send(&api, "key", "made").await.status, 400);
    clock.advance(Duration::from_secs(31));
    assert_eq!(send(&api, "key", "panic").await.status, 500);
    assert_eq!(executed(&app).await, 2);
    assert_same_id(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_response_that_sets_a_session_is_not_stored_and_a_repeat_executes_again() {
    let app = start().await;
    let api = app.user();
    let session = api.cookie();
    let mut cookies = Vec::new();
    for _ in 0..2 {
        api.set_cookie(session.clone());
        let answer = send(&api, "key", "session").await;
        assert_eq!(answer.status, 201);
        assert!(!is_replayed(&answer), "{answer:?}");
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookies.push(cookie.split(['=', ';']).nth(1).unwrap().to_owned());
    }
    let stored = format!("{:?}", stored(&app).await);
    for cookie in cookies {
        assert!(!cookie.is_empty() && !stored.contains(&cookie), "{stored}");
    }
    assert_eq!(executed(&app).await, 2);
    assert_same_id(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_long_response_is_sent_and_not_stored() {
    let app = start().await;
    let api = app.user();
    for number in 1..3 {
        let answer = send(&api, "key", "long").await;
        assert_eq!(answer.json["filling"].as_str().map(str::len), Some(LONG));
        assert_eq!(executed(&app).await, number);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_key_has_1_to_255_printable_characters_and_is_given_once() {
    let app = start().await;
    let api = app.user();
    let longest = "k".repeat(255);
    for key in ["k", " ~!\"#", longest.as_str()] {
        let answer = send(&api, key.trim(), "made").await;
        assert_eq!(answer.status, 201, "{key}");
    }
    let before = executed(&app).await;
    let too_long = "k".repeat(256);
    for key in [b"".as_slice(), too_long.as_bytes(), b"\xc3\xa9", b"a\tb"] {
        let request = api.request(Method::POST, THINGS).json(&details("made"));
        let answer = api.send(request.header("idempotency-key", key)).await;
        assert_eq!(
            (answer.status, answer.message()),
            (
                400,
                "Idempotency-Key must be 1 to 255 printable ASCII characters"
            ),
            "{key:?}"
        );
    }
    let twice = api.request(Method::POST, THINGS).json(&details("made"));
    let twice = twice
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    assert_eq!(
        api.send(twice).await.message(),
        "Idempotency-Key must be given once"
    );
    assert_eq!(executed(&app).await, before);
    app.finish().await;
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let app = start().await;
    let (one, other, anonymous) = (app.user(), app.user(), app.anonymous());
    let answers = [
        one.post_once(PUBLIC, "key", details("made")).await,
        other.post_once(PUBLIC, "key", details("made")).await,
        anonymous.post_once(PUBLIC, "key", details("made")).await,
    ];
    let ids: std::collections::BTreeSet<_> = answers.iter().map(Answer::id).collect();
    assert_eq!(ids.len(), 3, "{answers:?}");
    app.finish().await;
}

#[tokio::test]
async fn keys_are_stored_for_a_day_and_contain_nothing_of_the_request() {
    let app = start().await;
    let api = app.user();
    assert_eq!(send(&api, "my own key", "refused").await.status, 400);
    let stored = format!("{:?}", stored(&app).await);
    assert!(stored.contains("fingerprint"), "{stored}");
    for word in ["my own key", "refused", &api.user_id().to_string()] {
        assert!(!stored.contains(word), "{stored}");
    }
    let keys = app.database().collection::<Document>("idempotency_keys");
    let names = keys.list_index_names().await.unwrap();
    assert_eq!(names.len(), 2, "{names:?}");
    let listed = app
        .database()
        .run_command(doc! { "listIndexes": "idempotency_keys" });
    let listed = listed.await.unwrap().to_string();
    assert!(listed.contains("86400"), "{listed}");
    app.finish().await;
}

#[tokio::test]
async fn other_methods_ignore_the_header() {
    let app = start().await;
    let request = app
        .user()
        .request(Method::GET, THINGS)
        .header("idempotency-key", "");
    assert_eq!(app.user().send(request).await.status, 404);
    assert!(stored(&app).await.is_empty());
    app.finish().await;
}

#[tokio::test]
async fn each_outcome_is_counted() {
    let (app, clock) = start_with_clock().await;
    let api = app.user();
    send(&api, "key", "made").await;
    send(&api, "key", "made").await;
    send(&api, "key", "other").await;
    send(&api, "left", "panic").await;
    send(&api, "left", "panic").await;
    clock.advance(Duration::from_secs(31));
    send(&api, "left", "panic").await;
    let scrape = app.metrics().await;
    let name = "ticketing_http_idempotent_requests_total";
    let counted = |outcome| scrape.count(name, &[("outcome", outcome)]);
    let outcomes = ["executed", "replayed", "mismatch", "conflict", "repeated"];
    assert_eq!(outcomes.map(counted), [2, 1, 1, 1, 1]);
    app.finish().await;
}
