//! Every query that the services send to MongoDB uses an index, so that it stays fast however many documents there are.
//!
//! A proxy records the queries while a scenario makes the services send each kind once. Then the server explains its
//! plan for each recorded query.

mod explain;
mod query;
mod recorder;
mod scenario;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use mongodb::options::UpdateOneModel;
use mongodb::{Client, Collection, IndexModel};
use testkit::progress::ToStderr;
use testkit::servers::ServersSettings;
use testkit::{Dependency, Fleet, Servers, eventually_within};

use crate::{FLEETS, TIMEOUT, with_fleet};
use explain::{Finding, without_index};
use recorder::Recorder;

/// Long enough to pay in time, even with the second card.
const EXPIRATION: Duration = Duration::from_secs(20);

/// The kinds of queries of each service. The test fails if a kind was not sent, because it was then not checked.
const KINDS: [(&str, &[&str]); 4] = [
    (
        "auth",
        &[
            "find users by email",
            "find magic_links by _id, expires_at $gt",
            "findAndModify magic_links by _id, expires_at $gt",
        ],
    ),
    (
        "tickets",
        &[
            "find tickets by _id",
            "find tickets by order_id",
            "find tickets by order_id, _id $lt",
            "find tickets by order_id, price_cents $gte, $or",
            "find tickets by order_id, price_cents $lte, $or",
            "find tickets by order_id, $and",
            "find tickets by order_id, $and, _id $lt",
            "find tickets by order_id, $and, price_cents $gte, $or",
            "find tickets by order_id, $and, price_cents $lte, $or",
            "find tickets by user_id, withdrawn $ne",
            "find tickets by user_id, withdrawn $ne, _id $lt",
            "update tickets by _id, version",
            "update tickets by _id, version, released $ne",
            "update tickets by _id, order_id $ne, released $ne",
            "find tickets by outbox.time $lte, outbox $elemMatch",
            "update tickets by _id $in",
            "aggregate tickets by outbox.time $exists, outbox $elemMatch",
            "find tickets by outbox.time $exists, outbox $elemMatch",
            "find streams by _id",
            "update streams by _id",
            "find tickets by nothing",
        ],
    ),
    (
        "orders",
        &[
            "find tickets by _id",
            "update tickets by _id, version",
            "update tickets by _id, version $lt",
            "find reservations by _id",
            "delete reservations by _id $in, order_id $in",
            "find orders by _id",
            "find orders by user_id",
            "find orders by user_id, _id $gt",
            "find orders by user_id, _id $lt",
            "update orders by _id, version",
            "find orders by outbox.time $lte, outbox $elemMatch",
            "update orders by _id $in",
            "aggregate orders by outbox.time $exists, outbox $elemMatch",
            "find orders by outbox.time $exists, outbox $elemMatch",
            "find streams by _id",
            "update streams by _id",
            "find orders by nothing",
        ],
    ),
    (
        "payments",
        &[
            "find orders by _id",
            "update orders by _id, version",
            "update orders by _id, version $lt",
            "find payments by _id",
            "update payments by _id, version",
            "find payments by due_at $lte",
            "findAndModify payments by _id, due_at",
            "aggregate payments by due_at $exists",
            "find payments by outbox.time $lte, outbox $elemMatch",
            "update payments by _id $in",
            "aggregate payments by outbox.time $exists, outbox $elemMatch",
            "find payments by outbox.time $exists, outbox $elemMatch",
            "find streams by _id",
            "update streams by _id",
            "find payments by nothing",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_services_uses_an_index() {
    with_recorder(async |fleet, recorder| {
        scenario::run(fleet).await;
        wait_for_every_kind(recorder).await;
        let client = Client::with_uri_str(fleet.mongo_uri("tickets")).await;
        let findings = without_index(&client.unwrap(), recorder.queries()).await;
        let findings: Vec<_> = findings.iter().map(Finding::to_string).collect();
        let list = findings.join("\n");
        assert!(findings.is_empty(), "without an index:\n{list}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_an_index_is_found() {
    let _permit = FLEETS.acquire().await.unwrap();
    let settings = ServersSettings {
        given: false,
        folder: None,
        progress: Arc::new(ToStderr),
    };
    let servers = Servers::start(settings).await.unwrap();
    let recorder = Recorder::start(servers.mongo()).await;
    let uri = recorder.uri(&servers.mongo_uri("shop"));
    let client = Client::with_uri_str(uri).await.unwrap();
    send_queries(&client.database("shop").collection("tickets")).await;

    let findings = without_index(&client, recorder.queries()).await;
    let found: BTreeSet<_> = findings
        .iter()
        .map(|finding| (finding.query.kind(), finding.fault))
        .collect();
    let everything = "reads every document";
    let expected = [
        ("aggregate tickets by title", everything),
        ("delete tickets by title", everything),
        ("find tickets by nothing", everything),
        (
            "find tickets by price_cents $gt",
            "sorts the found documents, for lack of an index in that order",
        ),
        ("find tickets by title", everything),
        ("find tickets by title", "reads every entry of an index"),
        ("findAndModify tickets by title", everything),
        ("update tickets by row", everything),
        ("update tickets by title", everything),
    ];
    let expected = expected.map(|(kind, fault)| (kind.to_owned(), fault));
    assert_eq!(found, BTreeSet::from(expected));
    client.shutdown().await;
    servers.stop().await;
}

/// Sends queries with and without an index.
async fn send_queries(tickets: &Collection<Document>) {
    let (id, by_title) = (ObjectId::new(), || doc! { "title": "Front row" });
    let change = || doc! { "$set": { "price_cents": 2_500 } };
    let ticket = doc! { "_id": id, "title": "Front row", "price_cents": 1_999 };
    tickets.insert_one(ticket).await.unwrap();
    let by_price = IndexModel::builder().keys(doc! { "price_cents": 1 });
    tickets.create_index(by_price.build()).await.unwrap();

    let by_id = doc! { "_id": id };
    tickets.find_one(by_id.clone()).await.unwrap();
    tickets.update_one(by_id, change()).await.unwrap();
    let expensive = doc! { "price_cents": { "$gt": 2_000 } };
    let expensive_by_price = tickets
        .find(expensive.clone())
        .sort(doc! { "price_cents": -1 });
    expensive_by_price.await.unwrap();

    tickets.find_one(doc! {}).await.unwrap();
    tickets.find_one(by_title()).await.unwrap();
    let newest_first = tickets.find(by_title()).sort(doc! { "_id": -1 });
    newest_first.await.unwrap();
    let expensive_by_title = tickets.find(expensive).sort(doc! { "title": 1 });
    expensive_by_title.await.unwrap();
    tickets.count_documents(by_title()).await.unwrap();
    tickets.update_many(by_title(), change()).await.unwrap();
    let changed = tickets.find_one_and_update(by_title(), change());
    changed.await.unwrap();
    let by_row = UpdateOneModel::builder()
        .namespace(tickets.namespace())
        .filter(doc! { "row": 1 })
        .update(change());
    let several = tickets.client().bulk_write([by_row.build()]);
    several.await.unwrap();
    tickets.delete_many(by_title()).await.unwrap();
}

/// Runs a journey in a new fleet, whose services connect to their databases through a recorder.
async fn with_recorder(journey: impl AsyncFnOnce(&Fleet, &Recorder)) {
    let mut recorder = None;
    // The recorder outlives the fleet, because the services need their databases until they end.
    with_fleet(EXPIRATION, async |fleet| {
        let recorder = recorder.insert(Recorder::start(fleet.servers().mongo()).await);
        for service in fleet.services() {
            if Dependency::of(service.name()).contains(&Dependency::Mongo) {
                let uri = recorder.uri(&fleet.mongo_uri(service.name()));
                service.set_variable("MONGO_URI", &uri);
                service.restart().await.unwrap();
            }
        }
        journey(fleet, &*recorder).await;
    })
    .await;
}

/// Waits until every kind of query was sent. Some are caused by events or by a deadline.
async fn wait_for_every_kind(recorder: &Recorder) {
    eventually_within(TIMEOUT, "every kind of query is sent", async || {
        let sent = recorder.queries().into_iter();
        let sent: BTreeSet<_> = sent
            .map(|query| format!("{}: {}", query.database, query.kind()))
            .collect();
        let kinds = KINDS.iter().flat_map(|(service, kinds)| {
            kinds.iter().map(move |kind| format!("{service}: {kind}"))
        });
        let missing: Vec<_> = kinds.filter(|kind| !sent.contains(kind)).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("missing:\n{}", missing.join("\n")))
        }
    })
    .await;
}
