//! A database that rejects the service's user: before the user is created, and while a password is rotated.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bson::{Document, doc};
use messaging::Failure;
use mongo::{Collection, Database, MongoConfig, StoreError};
use mongodb::Client;
use secrecy::SecretString;
use service::app::connect_mongo;
use telemetry::metrics::Metrics;
use testkit::{Fate, MongoLink, Servers, eventually_within};
use tokio::time::timeout;
use web::ApiError;

use crate::fixtures::{TIMEOUT, fresh_name, mongo_link, open};

/// A database on the shared server, and the credentials of a user that does not exist yet.
struct Site {
    link: MongoLink,
    database: mongodb::Database,
    config: MongoConfig,
}

impl Site {
    async fn new() -> Self {
        let (servers, name) = (Servers::shared().await, fresh_name());
        let direct = servers.mongo_uri(&name);
        let server = servers.mongo().address();
        let link = MongoLink::start(server.parse().unwrap()).await.unwrap();
        let uri = link.uri(&direct, server);
        let uri = uri.replace("mongodb://", "mongodb://shop:first@");
        let client = Client::with_uri_str(direct).await.unwrap();
        Self {
            link,
            database: client.database(&name),
            config: MongoConfig {
                uri: SecretString::from(uri),
            },
        }
    }

    async fn create_user(&self, password: &str) {
        let user = doc! { "createUser": "shop", "pwd": password, "roles": ["readWrite"] };
        self.database.run_command(user).await.unwrap();
    }

    async fn change_password(&self, password: &str) {
        let change = doc! { "updateUser": "shop", "pwd": password };
        self.database.run_command(change).await.unwrap();
    }

    /// Breaks the connection of the next command with this name.
    fn break_next(&self, name: &'static str) {
        let mut is_broken = false;
        self.link.decide(move |command| {
            if !is_broken && command.contains_key(name) {
                is_broken = true;
                return Fate::AnswerLost;
            }
            Fate::Passes
        });
    }
}

/// Fails unless consumers and HTTP treat the error as an unavailable dependency.
fn assert_unavailable(error: &StoreError) {
    assert!(error.is_unavailable(), "{error}");
    let failure = Failure::from(error.clone());
    assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
    let response = ApiError::from(error.clone()).into_response();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn a_service_waits_until_its_database_user_exists() {
    let site = Site::new().await;
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    site.link.decide(move |command| {
        let is_attempt = command.contains_key("saslStart");
        counted.fetch_add(usize::from(is_attempt), Ordering::SeqCst);
        Fate::Passes
    });
    let config = site.config.clone();
    let connecting =
        tokio::spawn(async move { connect_mongo(&config, "shop", &Metrics::none()).await });
    let rejected = async || attempts.load(Ordering::SeqCst) >= 2 || connecting.is_finished();
    eventually_within(TIMEOUT, "it was rejected twice", rejected).await;
    assert!(
        !connecting.is_finished(),
        "it gave up: {:?}",
        connecting.await
    );
    site.create_user("first").await;
    let connected = timeout(TIMEOUT, connecting).await.expect("it connects");
    connected.unwrap().unwrap().close().await;
}

#[tokio::test]
async fn a_rejected_password_counts_as_an_unavailable_database() {
    let site = Site::new().await;
    site.create_user("first").await;
    let metrics = Metrics::none();
    let database = Database::open(&site.config, "shop", &metrics).await;
    let database = database.unwrap();
    let things: Collection<Document> = database.collection("things");
    things.find_one(doc! {}).await.unwrap();
    site.change_password("second").await;
    // Open connections stay signed in, and are replaced when they break.
    site.break_next("find");
    eventually_within(TIMEOUT, "the password is rejected", async || {
        let refused = things.find_one(doc! {}).await.unwrap_err();
        assert_unavailable(&refused);
        refused.to_string().contains("user or password")
    })
    .await;
    site.change_password("first").await;
    eventually_within(
        TIMEOUT,
        "the password is accepted again",
        async || match things.find_one(doc! {}).await {
            Ok(_) => true,
            Err(error) => {
                assert_unavailable(&error);
                false
            }
        },
    )
    .await;
    database.close().await;
}

#[tokio::test]
async fn missing_rights_of_a_user_count_as_an_unavailable_database() {
    const UNAUTHORIZED: i32 = 13;
    let (link, uri) = mongo_link().await;
    let database = open(uri, &Metrics::none()).await;
    let things: Collection<Document> = database.collection("things");
    link.decide(|command| {
        if command.contains_key("find") || command.contains_key("insert") {
            return Fate::refused(UNAUTHORIZED, "not authorized to execute command");
        }
        Fate::Passes
    });
    assert_unavailable(&things.find_one(doc! {}).await.unwrap_err());
    assert_unavailable(&things.insert_one(&doc! { "_id": 1 }).await.unwrap_err());
    link.decide(|_| Fate::Passes);
    things.insert_one(&doc! { "_id": 1 }).await.unwrap();
    database.close().await;
}
