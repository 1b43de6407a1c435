//! The requirements on the database server, and how a service reports unmet ones.

use std::sync::{Arc, Mutex};

use bson::{Document, doc};
use mongo::{Collection, Database, MongoConfig};
use mongodb::IndexModel;
use secrecy::SecretString;
use service::app::{StartError, connect_mongo};
use telemetry::metrics::Metrics;
use testkit::Fate;

use crate::fixtures::{mongo_link, open};

/// The result of connecting to a server that responds to the command `name` with `answer`.
async fn connect(name: &'static str, answer: Document) -> Result<Database, StartError> {
    let (link, uri) = mongo_link().await;
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
async fn a_server_that_meets_all_requirements_is_accepted() {
    let database = connect("nothing", doc! {}).await.unwrap();
    database.close().await;
}

#[tokio::test]
async fn an_older_server_is_rejected_by_its_version() {
    let seven = doc! { "ok": 1.0, "version": "7.0.14", "versionArray": [7, 0, 14, 0] };
    let refused = connect("buildInfo", seven).await.unwrap_err().to_string();
    assert!(refused.contains("MongoDB 8"), "{refused}");
    assert!(refused.contains("7.0.14"), "{refused}");
}

#[tokio::test]
async fn a_server_below_feature_compatibility_version_8_0_is_rejected_with_instructions() {
    const COMMAND_NOT_SUPPORTED: i32 = 115;
    let message = "BulkWrite may not be run without featureFlagBulkWriteCommand enabled";
    let lower = doc! { "ok": 0.0, "code": COMMAND_NOT_SUPPORTED, "errmsg": message };
    let refused = connect("bulkWrite", lower).await.unwrap_err().to_string();
    assert!(
        refused.contains(r#"setFeatureCompatibilityVersion: "8.0""#),
        "{refused}"
    );
}

#[tokio::test]
async fn an_index_needs_only_a_majority_of_the_members() {
    let (link, uri) = mongo_link().await;
    let database = open(uri, &Metrics::none()).await;
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
