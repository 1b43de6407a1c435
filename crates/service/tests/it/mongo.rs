//! A database that is away, that hangs, or in which a dead process left a transaction; and concurrent operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use futures::FutureExt;
use futures::future::join_all;
use mongo::{Collection, Database, Find, StoreError, apply_if_newer, in_transaction};
use mongodb::{Client, IndexModel};
use telemetry::metrics::Metrics;
use testkit::{Condition, Fate, Proxy, Servers, eventually_within};
use tokio::time::timeout;

use crate::fixtures::{TIMEOUT, fresh_database, fresh_uri, mongo_link, open};

/// A database behind a proxy.
async fn behind_a_proxy() -> (Database, Proxy) {
    let address = Servers::shared().await.mongo().address();
    let proxy = Proxy::start(address.parse().unwrap()).await.unwrap();
    let uri = fresh_uri().await;
    let uri = uri.replace(address, &proxy.address().to_string());
    (open(uri, &Metrics::none()).await, proxy)
}

#[tokio::test]
async fn an_index_is_created_as_soon_as_the_database_is_available() {
    let (database, proxy) = behind_a_proxy().await;
    database.ping().await.unwrap();
    proxy.set(Condition::Cut);
    let things: Collection<Document> = database.collection("things");
    let index = IndexModel::builder().keys(doc! { "size": 1 }).build();
    let creating = tokio::spawn(async move { things.create_indexes([index]).await });
    let cut = async || database.ping().await.is_err();
    eventually_within(TIMEOUT, "the database is away", cut).await;
    assert!(!creating.is_finished(), "it gave up");
    proxy.set(Condition::Open);
    timeout(TIMEOUT, creating).await.unwrap().unwrap().unwrap();
    database.close().await;
}

#[tokio::test]
async fn an_operation_on_a_hanging_database_fails() {
    let (database, proxy) = behind_a_proxy().await;
    let things: Collection<Document> = database.collection("things");
    things.insert_one(&doc! { "_id": 1 }).await.unwrap();
    proxy.set(Condition::Stalled);
    let found = timeout(TIMEOUT, things.find_one(doc! { "_id": 1 })).await;
    let error = found.expect("the operation has a time limit").unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    proxy.set(Condition::Open);
    eventually_within(TIMEOUT, "the database is available again", async || {
        things.find_one(doc! { "_id": 1 }).await
    })
    .await;
    database.close().await;
}

#[tokio::test]
async fn documents_locked_by_a_dead_process_are_soon_writable_again() {
    let uri = fresh_uri().await;
    let database = open(uri.clone(), &Metrics::none()).await;
    let things: Collection<Document> = database.collection("things");
    things
        .insert_one(&doc! { "_id": 1, "size": 0 })
        .await
        .unwrap();
    // Another process, which sends nothing more to the server after its first write.
    let dead = Client::with_uri_str(uri).await.unwrap();
    let mut transaction = dead.start_session().await.unwrap();
    transaction.start_transaction().await.unwrap();
    let held = dead
        .default_database()
        .unwrap()
        .collection::<Document>("things");
    held.update_one(doc! { "_id": 1 }, doc! { "$set": { "size": 1 } })
        .session(&mut transaction)
        .await
        .unwrap();
    let clear = async || {
        let written = in_transaction(&database, &things, |session, things| {
            async move {
                let written = things.delete_many_in(session, doc! { "_id": 1 });
                Ok::<_, StoreError>(Ok::<_, ()>(written.await?))
            }
            .boxed()
        });
        written.await
    };
    eventually_within(Duration::from_secs(10), "the document is writable", clear)
        .await
        .unwrap();
    drop(transaction);
    database.close().await;
}

#[tokio::test]
async fn of_documents_inserted_in_a_batch_only_existing_ones_fail() {
    let database = fresh_database().await;
    let things: Collection<Document> = database.collection("things");
    for id in [3, 7] {
        things.insert_one(&doc! { "_id": id }).await.unwrap();
    }
    let documents: Vec<_> = (0..20).map(|id| doc! { "_id": id, "new": true }).collect();
    let added = join_all(documents.iter().map(|document| things.insert_one(document))).await;
    for (id, added) in added.into_iter().enumerate() {
        match added {
            Ok(()) => assert!(![3, 7].contains(&id), "{id} was added twice"),
            Err(error) => assert!(
                [3, 7].contains(&id) && error.is_duplicate_key(),
                "{id}: {error}"
            ),
        }
    }
    assert_eq!(things.count(doc! { "new": true }, 100).await.unwrap(), 18);
    database.close().await;
}

#[tokio::test]
async fn each_lookup_of_a_batch_returns_its_own_document() {
    let database = fresh_database().await;
    let things: Collection<Document> = database.collection("things");
    let ids: Vec<_> = (0..20).map(|_| ObjectId::new()).collect();
    for id in &ids[..10] {
        things.insert_one(&doc! { "_id": id }).await.unwrap();
    }
    // Some twice, and some that do not exist.
    let wanted: Vec<_> = ids.iter().chain(&ids[5..15]).copied().collect();
    let found = join_all(wanted.iter().map(|id| things.find_by_id(*id))).await;
    for (id, found) in wanted.iter().zip(found) {
        let expected = ids[..10].contains(id).then(|| doc! { "_id": id });
        assert_eq!(found.unwrap(), expected);
    }
    database.close().await;
}

#[tokio::test]
async fn each_update_of_a_batch_has_its_own_outcome() {
    let database = fresh_database().await;
    let things: Collection<Document> = database.collection("things");
    for id in 0..20 {
        let thing = doc! { "_id": id, "version": i64::from(id % 2) };
        things.insert_one(&thing).await.unwrap();
    }
    // Updates of version 0 match. Of the others, an upsert fails because the document exists, and a plain update does
    // nothing.
    let changes = (0..25).map(|id| {
        let first = doc! { "_id": id, "version": 0_i64 };
        let next = doc! { "$inc": { "version": 1_i64 } };
        things.update_one(first, next, id % 3 == 0)
    });
    for (id, changed) in join_all(changes).await.into_iter().enumerate() {
        let (exists, is_upsert) = (id < 20, id % 3 == 0);
        match changed {
            Ok(matched) => {
                assert_eq!(matched, exists && id % 2 == 0, "{id}");
                assert!(matched || !exists || !is_upsert, "{id} was added twice");
            }
            Err(error) => assert!(
                exists && id % 2 == 1 && is_upsert && error.is_duplicate_key(),
                "{id}: {error}"
            ),
        }
    }
    let in_version = async |version: i64| {
        let found =
            things.find(Find::matching(doc! { "version": version }).sort(doc! { "_id": 1 }));
        let found = found.await.unwrap().into_iter();
        let ids = found.map(|thing| thing.get_i32("_id").unwrap());
        ids.collect::<Vec<_>>()
    };
    assert!(in_version(0).await.is_empty());
    let added = [21, 24];
    assert_eq!(
        in_version(1).await,
        (0..20).chain(added).collect::<Vec<_>>()
    );
    database.close().await;
}

#[tokio::test]
async fn of_concurrent_updates_of_one_version_one_succeeds() {
    let database = fresh_database().await;
    let things: Collection<Document> = database.collection("things");
    let thing = doc! { "_id": 1, "version": 0_i64 };
    things.insert_one(&thing).await.unwrap();
    let changes = (0..20).map(|by| {
        let next = doc! { "$set": { "version": 1_i64, "by": by } };
        things.update_one(thing.clone(), next, false)
    });
    let outcomes = join_all(changes).await;
    let successful: Vec<_> = (0..20)
        .filter(|by| matches!(outcomes[*by], Ok(true)))
        .collect();
    let found = things.find_one(doc! { "_id": 1 }).await.unwrap().unwrap();
    assert_eq!(successful.len(), 1, "{outcomes:?}");
    assert_eq!(
        found.get_i32("by").unwrap(),
        i32::try_from(successful[0]).unwrap()
    );
    database.close().await;
}

#[tokio::test]
async fn of_concurrent_versions_of_an_entity_the_newest_wins() {
    const ENTITIES: usize = 50;
    let database = fresh_database().await;
    let things: Collection<Document> = database.collection("things");
    let ids: Vec<_> = (0..ENTITIES).map(|_| ObjectId::new()).collect();
    let versions = ids.iter().flat_map(|id| {
        // The first version is last: a later version that finds no document may then conflict with its insertion.
        [4, 2, 3, 1, 0].map(|version: i64| {
            (
                version,
                doc! { "_id": *id, "version": version, "size": version },
            )
        })
    });
    let applying =
        versions.map(async |(version, thing)| apply_if_newer(&things, version, &thing).await);
    for applied in join_all(applying).await {
        applied.unwrap();
    }
    let newest = doc! { "version": 4_i64, "size": 4_i64 };
    let newest = things.count(newest, 1_000).await.unwrap();
    assert_eq!(newest, u64::try_from(ENTITIES).unwrap());
    database.close().await;
}

/// Inserts a document in a transaction whose first commits have these fates. Returns how often a commit was sent.
async fn commit_with(fates: Vec<Fate>) -> usize {
    let (link, uri) = mongo_link().await;
    let database = open(uri, &Metrics::none()).await;
    let things: Collection<Document> = database.collection("things");
    things.insert_one(&doc! { "_id": 0 }).await.unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let (counted, mut fates) = (Arc::clone(&commits), fates.into_iter());
    link.decide(move |command| {
        if !command.contains_key("commitTransaction") {
            return Fate::Passes;
        }
        counted.fetch_add(1, Ordering::SeqCst);
        fates.next().unwrap_or(Fate::Passes)
    });
    let added = in_transaction(&database, &things, |session, things| {
        async move {
            let thing = [doc! { "_id": 1 }];
            let added = things.insert_many_in(session, &thing);
            Ok::<_, StoreError>(Ok::<_, ()>(added.await?))
        }
        .boxed()
    });
    added.await.unwrap().unwrap();
    assert_eq!(things.count(doc! { "_id": 1 }, 10).await.unwrap(), 1);
    database.close().await;
    commits.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_commit_whose_responses_are_lost_is_repeated_until_one_arrives() {
    let lost = vec![Fate::AnswerLost; 3];
    assert!(commit_with(lost).await >= 4);
}

#[tokio::test]
async fn a_commit_without_a_response_is_repeated() {
    assert!(commit_with(vec![Fate::AnswerWithheld]).await >= 2);
}
