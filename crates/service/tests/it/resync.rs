//! One process re-emits for all of its service, and another continues where it stopped.

use std::time::Duration;

use base::config::Environment;
use bson::oid::ObjectId;
use bson::{Document, doc};
use common::Event;
use common::events::TicketState;
use messaging::resync::{Resync, snapshot_of};
use messaging::{Broker, BrokerConfig};
use mongo::{Database, typed_id};
use serde::{Deserialize, Serialize};
use telemetry::metrics::Metrics;
use testkit::{Scrape, Servers, eventually_within};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::mongo::{fresh_name, open_measured};
use crate::toy::ticket;

/// Enough for a re-emission that takes a while.
const ENTITIES: u64 = 5_000;

const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Serialize, Deserialize)]
struct Thing {
    #[serde(rename = "_id")]
    id: ObjectId,
}

/// A service with a database full of things and a stream of its own.
struct Fleet {
    name: String,
    database: Database,
}

/// One of its processes.
struct Process {
    metrics: Metrics,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Fleet {
    async fn new() -> Self {
        let name = fresh_name();
        let uri = Servers::shared().await.mongo_uri(&name);
        let database = open_measured(uri, &Metrics::none()).await;
        let things = database.collection::<Document>("things");
        for _ in 0..ENTITIES / 50 {
            let some = (0..50).map(|_| doc! { "_id": ObjectId::new(), "outbox": [] });
            let added = some.map(async |thing| things.insert_one(&thing).await);
            for added in futures::future::join_all(added).await {
                added.unwrap();
            }
        }
        Self { name, database }
    }

    async fn broker(&self, metrics: &Metrics) -> Broker {
        let variables = [
            ("NATS_URL", Servers::shared().await.nats_url()),
            ("NATS_CLUSTER_ID", self.name.clone()),
            ("NATS_SUBJECT_PREFIX", format!("{}.", self.name)),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let config = BrokerConfig::read(&mut Environment::of(variables), "toy").unwrap();
        let broker = Broker::connect(&config, "toy").await.unwrap();
        broker.with_metrics(metrics)
    }

    async fn start_process(&self) -> Process {
        let (metrics, stop) = (Metrics::new("toy"), CancellationToken::new());
        let broker = self.broker(&metrics).await;
        let things = self.database.collection::<Thing>("things");
        let snapshot = snapshot_of(&things, |thing: Thing| {
            Some(Event::TicketUpdated(TicketState {
                id: typed_id(thing.id),
                ..ticket("a thing")
            }))
        });
        let resync = Resync::new(broker, &self.database, snapshot);
        let running = tokio::spawn(resync.run(stop.clone()));
        Process {
            metrics,
            stop,
            running,
        }
    }

    async fn messages(&self, broker: &Broker) -> u64 {
        let stream = broker.jetstream().get_stream(&self.name).await.unwrap();
        stream.cached_info().state.messages
    }

    /// Waits until the service has noted that the stream is filled.
    async fn wait_until_filled(&self) {
        let known = self.database.collection::<Document>("streams");
        let filled = async || known.find_one(doc! { "_id": &self.name }).await.unwrap();
        eventually_within(PATIENCE, "the stream is filled", filled).await;
    }

    async fn end(self, broker: Broker) {
        for stream in [self.name.clone(), format!("{}-dead-letters", self.name)] {
            broker.jetstream().delete_stream(stream).await.unwrap();
        }
        self.database.close().await;
    }
}

impl Process {
    async fn published(&self) -> u64 {
        let scrape = Scrape::read(&self.metrics.render().await).unwrap();
        scrape.count("ticketing_reemitted_events_total", &[])
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

#[tokio::test]
async fn of_two_processes_one_fills_a_new_stream() {
    let fleet = Fleet::new().await;
    let broker = fleet.broker(&Metrics::none()).await;
    let processes = [fleet.start_process().await, fleet.start_process().await];
    fleet.wait_until_filled().await;
    let [one, other] = processes;
    // Both know it.
    let published = one.published().await + other.published().await;
    assert_eq!(published, ENTITIES);
    one.stop().await;
    other.stop().await;
    assert_eq!(fleet.messages(&broker).await, ENTITIES);
    fleet.end(broker).await;
}

#[tokio::test]
async fn a_process_continues_where_another_died() {
    let fleet = Fleet::new().await;
    let broker = fleet.broker(&Metrics::none()).await;
    let dead = fleet.start_process().await;
    let begun = async || fleet.messages(&broker).await > ENTITIES / 4;
    eventually_within(PATIENCE, "some are published", begun).await;
    dead.running.abort();
    assert!(dead.running.await.unwrap_err().is_cancelled());
    let there = fleet.messages(&broker).await;
    assert!(there < ENTITIES, "it was too late to die");
    let next = fleet.start_process().await;
    fleet.wait_until_filled().await;
    let continued = next.published().await;
    assert!(continued < ENTITIES, "it began again");
    next.stop().await;
    assert_eq!(fleet.messages(&broker).await, ENTITIES);
    fleet.end(broker).await;
}

#[tokio::test]
async fn a_damaged_document_does_not_keep_the_others_from_being_published() {
    let fleet = Fleet::new().await;
    let broker = fleet.broker(&Metrics::none()).await;
    let things = fleet.database.collection::<Document>("things");
    things.insert_one(&doc! { "_id": "damaged" }).await.unwrap();
    let process = fleet.start_process().await;
    fleet.wait_until_filled().await;
    assert_eq!(fleet.messages(&broker).await, ENTITIES);
    process.stop().await;
    fleet.end(broker).await;
}
