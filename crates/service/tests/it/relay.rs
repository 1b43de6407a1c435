//! The relay takes out of outboxes what it published, and gives way to whoever is writing there.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use common::{Event, Subject};
use messaging::{OutboxCollection, Relay};
use serde::{Deserialize, Serialize};
use telemetry::metrics::Metrics;
use testkit::{Scrape, Servers, eventually, eventually_within};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::mongo::{fresh_name, open_measured};
use crate::toy::{start, ticket};

#[derive(Debug, Serialize, Deserialize)]
struct Thing {
    #[serde(rename = "_id")]
    id: ObjectId,
}

async fn retries(metrics: &Metrics) -> u64 {
    let scrape = Scrape::read(&metrics.render().await).unwrap();
    scrape.count("ticketing_db_transaction_retries_total", &[])
}

#[tokio::test]
async fn it_gives_way_to_a_transaction_that_writes_what_it_takes_out() {
    let app = start().await;
    let uri = Servers::shared().await.mongo_uri(&fresh_name());
    let metrics = Metrics::new("relay", &[messaging::METRICS, mongo::METRICS]);
    let database = open_measured(uri.clone(), &metrics).await;
    let mut relay = Relay::new(app.broker().clone());
    let things: OutboxCollection<Thing> = relay.collection(&database, "things").await.unwrap();
    let [told, other] = [(); 2].map(|()| Thing {
        id: ObjectId::new(),
    });
    let event = Event::TicketUpdated(ticket("told"));
    things
        .insert(&told, std::slice::from_ref(&event))
        .await
        .unwrap();
    things.insert(&other, &[]).await.unwrap();

    let writer = mongodb::Client::with_uri_str(uri).await.unwrap();
    let written = writer.default_database().unwrap();
    let written = written.collection::<Document>("things");
    let mut transaction = writer.start_session().await.unwrap();
    transaction.start_transaction().await.unwrap();
    let set = doc! { "$set": { "size": 1 } };
    written
        .update_one(doc! { "_id": told.id }, set.clone())
        .session(&mut transaction)
        .await
        .unwrap();

    let stop = CancellationToken::new();
    let relaying = tokio::spawn(relay.run(stop.clone()));
    app.expect_event(Subject::TicketUpdated, |said| *said == event)
        .await;
    eventually("it met the transaction", async || {
        retries(&metrics).await > 0
    })
    .await;
    // Whoever writes on is not held up by the one who waits for it to end.
    let next = written
        .update_one(doc! { "_id": other.id }, set)
        .session(&mut transaction);
    let next = timeout(Duration::from_secs(20), next.into_future()).await;
    next.expect("the transaction goes on").unwrap();
    transaction.commit_transaction().await.unwrap();
    let is_taken_out = async || {
        let thing = written.find_one(doc! { "_id": told.id }).await.unwrap();
        let thing = thing.unwrap();
        assert_eq!(thing.get_i32("size").unwrap(), 1);
        thing.get_array("outbox").unwrap().is_empty()
    };
    eventually_within(Duration::from_secs(30), "it is taken out", is_taken_out).await;

    stop.cancel();
    relaying.await.unwrap();
    database.close().await;
    app.finish().await;
}
