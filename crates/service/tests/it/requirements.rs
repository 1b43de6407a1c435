//! What a server must offer, and how a service says what is missing.

use std::sync::{Arc, Mutex};

use bson::{Document, doc};
use mongo::{Collection, Database, MongoConfig};
use mongodb::IndexModel;
use secrecy::SecretString;
use service::app::{StartError, connect_mongo};
use telemetry::metrics::Metrics;
use testkit::{Fate, MongoLink, Servers};

use crate::mongo::{fresh_name, open_measured};

async fn link() -> (MongoLink, String) {
    let (servers, name) = (Servers::shared().await, fresh_name());
    let (direct, server) = (servers.mongo_uri(&name), servers.mongo().address());
    let link = MongoLink::start(server.parse().unwrap()).await.unwrap();
    let uri = link.uri(&direct, server);
    (link, uri)
}

/// How connecting ends when this command is answered so.
async fn connect(name: &'static str, answer: Document) -> Result<Database, StartError> {
    let (link, uri) = link().await;
    link.decide(move |command| {
        if command.contains_key(name) {
            return Fate::Answered(answer.clone());
        }
        Fate::Passes
    });
    let uri = SecretString::from(uri);
    connect_mongo(&MongoConfig { uri }, "test", &Metrics::none()).await
}

#[tokio::test]
async fn a_server_that_has_all_that_is_required_is_taken() {
    let database = connect("nothing", doc! {}).await.unwrap();
    database.close().await;
}

#[tokio::test]
async fn an_older_server_is_refused_by_its_version() {
    let seven = doc! { "ok": 1.0, "version": "7.0.14", "versionArray": [7, 0, 14, 0] };
    let refused = connect("buildInfo", seven).await.unwrap_err().to_string();
    assert!(refused.contains("MongoDB 8"), "{refused}");
    assert!(refused.contains("7.0.14"), "{refused}");
}

#[tokio::test]
async fn a_server_below_feature_compatibility_version_8_0_is_refused_with_what_to_do() {
    const COMMAND_NOT_SUPPORTED: i32 = 115;
    let words = "BulkWrite may not be run without featureFlagBulkWriteCommand enabled";
    let lower = doc! { "ok": 0.0, "code": COMMAND_NOT_SUPPORTED, "errmsg": words };
    let refused = connect("bulkWrite", lower).await.unwrap_err().to_string();
    assert!(
        refused.contains(r#"setFeatureCompatibilityVersion: "8.0""#),
        "{refused}"
    );
}

#[tokio::test]
async fn an_index_needs_a_majority_of_the_members_and_not_all_of_them() {
    let (link, uri) = link().await;
    let database = open_measured(uri, &Metrics::none()).await;
    let quorums = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&quorums);
    link.decide(move |command| {
        if command.contains_key("createIndexes") {
            seen.lock()
                .unwrap()
                .push(command.get("commitQuorum").cloned());
        }
        Fate::Passes
    });
    let things: Collection<Document> = database.collection("things");
    let index = IndexModel::builder().keys(doc! { "size": 1 }).build();
    things.create_indexes([index]).await.unwrap();
    assert_eq!(*quorums.lock().unwrap(), [Some("majority".into())]);
    database.close().await;
}
