//! The relay removes published entries without blocking other writers.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use common::{Event, Subject};
use messaging::{OutboxCollection, Relay};
use telemetry::metrics::Metrics;
use testkit::{Scrape, eventually, eventually_within};
use tokio::time::timeout;

use crate::fixtures::{Running, TIMEOUT, Thing, fresh_uri, open};
use crate::toy::{start, ticket};

async fn retries(metrics: &Metrics) -> u64 {
    let scrape = Scrape::read(&metrics.render().await).unwrap();
    scrape.count("ticketing_db_transaction_retries_total", &[])
}

#[tokio::test]
async fn removing_entries_does_not_block_a_transaction_that_writes_their_documents() {
    let app = start().await;
    let uri = fresh_uri().await;
    let metrics = Metrics::new("relay", &[messaging::METRICS, mongo::METRICS]);
    let database = open(uri.clone(), &metrics).await;
    let mut relay = Relay::new(app.broker().clone());
    let things: OutboxCollection<Thing> = relay.collection(&database, "things").await.unwrap();
    let [changed, other] = [(); 2].map(|()| Thing {
        id: ObjectId::new(),
    });
    let event = Event::TicketUpdated(ticket("changed"));
    things
        .insert(&changed, std::slice::from_ref(&event))
        .await
        .unwrap();
    things.insert(&other, &[]).await.unwrap();

    let writer = mongodb::Client::with_uri_str(uri).await.unwrap();
    let raw = writer.default_database().unwrap();
    let raw = raw.collection::<Document>("things");
    let mut transaction = writer.start_session().await.unwrap();
    transaction.start_transaction().await.unwrap();
    let set = doc! { "$set": { "size": 1 } };
    raw.update_one(doc! { "_id": changed.id }, set.clone())
        .session(&mut transaction)
        .await
        .unwrap();

    let relay = Running::start(|stop| relay.run(stop));
    app.expect_event(Subject::TicketUpdated, |published| *published == event)
        .await;
    eventually("the removal conflicts with the transaction", async || {
        retries(&metrics).await > 0
    })
    .await;
    // The relay waits without locks, so the transaction can continue.
    let next = raw
        .update_one(doc! { "_id": other.id }, set)
        .session(&mut transaction);
    let next = timeout(Duration::from_secs(20), next.into_future()).await;
    next.expect("the transaction is not blocked").unwrap();
    transaction.commit_transaction().await.unwrap();
    let is_removed = async || {
        let thing = raw.find_one(doc! { "_id": changed.id }).await.unwrap();
        let thing = thing.unwrap();
        assert_eq!(thing.get_i32("size").unwrap(), 1);
        thing.get_array("outbox").unwrap().is_empty()
    };
    eventually_within(TIMEOUT, "the entry is removed", is_removed).await;

    relay.stop().await;
    database.close().await;
    app.finish().await;
}
