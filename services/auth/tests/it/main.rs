//! The auth service against real servers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod addresses;
mod bodies;
mod config;
mod idempotency;
mod logs;
mod magic_links;
mod mail;
mod metrics;
mod rate_limits;
mod sessions;
mod sign_in;
mod sign_up;

use base::Clock;
use bson::{Document, doc};
use common::id::kind;
use common::{FieldError, Id};
use mongo::new_id;
use mongodb::Collection;
use serde_json::{Value, json};
use testkit::{Answer, Api, Servers, TestApp, TestAppBuilder};

const PASSWORD: &str = "correct horse";

/// A service whose rate limits no test reaches.
fn unlimited() -> TestAppBuilder {
    TestApp::new(auth::NAME).set("RATE_LIMITS", "wide")
}

async fn launch(builder: TestAppBuilder) -> TestApp {
    builder.start(auth::Config::read, auth::build).await
}

async fn start() -> TestApp {
    launch(unlimited()).await
}

/// A clock that moves only when the test advances it. It starts at the current time, since the database has its own
/// clock.
fn manual_clock() -> Clock {
    Clock::manual(Clock::system().now())
}

/// An address that no other test uses, since all tests share one mail server.
fn fresh_email() -> String {
    format!("{}@example.com", new_id::<kind::User>())
}

fn credentials(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

async fn sign_up(api: &Api, email: &str) -> Answer {
    let body = credentials(email, PASSWORD);
    api.post("/api/users/signup", body).await
}

async fn sign_in(api: &Api, email: &str, password: &str) -> Answer {
    let body = credentials(email, password);
    api.post("/api/users/signin", body).await
}

async fn current_user(api: &Api) -> Value {
    let answer = api.get("/api/users/currentuser").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["currentUser"].clone()
}

async fn request_link(api: &Api, email: &str) -> Answer {
    let body = json!({ "email": email });
    api.post("/api/users/signup-pl", body).await
}

/// The path and query of the newest magic link that was mailed to this address.
async fn mailed_link(email: &str) -> String {
    let mail = Servers::shared().await.mail().wait_for(email).await;
    let link = mail.text.split_whitespace();
    let mut link = link.filter_map(|word| word.strip_prefix("http://ticketing.test"));
    link.next().expect("a link in the mail").to_owned()
}

/// Requests a link for this address and returns its path and query.
async fn magic_link(app: &TestApp, email: &str) -> String {
    let answer = request_link(&app.anonymous(), email).await;
    assert_eq!((answer.status, &answer.json), (200, &json!({})));
    mailed_link(email).await
}

fn users(app: &TestApp) -> Collection<Document> {
    app.database().collection("users")
}

/// The stored account with this address.
async fn stored_user(app: &TestApp, email: &str) -> Document {
    let found = users(app).find_one(doc! { "email": email }).await;
    found.unwrap().expect("an account")
}

/// The number of documents in a collection that match the filter.
async fn count(app: &TestApp, collection: &str, filter: Document) -> u64 {
    let collection: Collection<Document> = app.database().collection(collection);
    collection.count_documents(filter).await.unwrap()
}

fn user_id(answer: &Answer) -> Id<kind::User> {
    answer.id().parse().unwrap()
}

fn errors(answer: &Answer) -> Vec<FieldError> {
    serde_json::from_value(answer.json["errors"].clone()).unwrap()
}
