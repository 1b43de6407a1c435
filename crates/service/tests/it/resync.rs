//! One process re-emits the state of its service, and another continues where it stopped.

use std::time::Duration;

use base::config::Environment;
use bson::oid::ObjectId;
use bson::{Document, doc};
use messaging::resync::{Resync, snapshot_of};
use messaging::{Broker, BrokerConfig};
use mongo::Database;
use telemetry::metrics::Metrics;
use testkit::{Scrape, Servers, eventually_within};

use crate::fixtures::{Running, Thing, fresh_database, fresh_name};
use crate::toy::event_of;

/// Enough for a re-emission that takes a while.
const ENTITIES: u64 = 5_000;

const TIMEOUT: Duration = Duration::from_mins(1);

/// A service with a database full of things and a stream of its own.
struct Fleet {
    name: String,
    database: Database,
}

/// A process of the service.
struct Process {
    metrics: Metrics,
    resync: Running,
}

impl Fleet {
    async fn new() -> Self {
        let (name, database) = (fresh_name(), fresh_database().await);
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
        let metrics = Metrics::new("toy", &[messaging::METRICS]);
        let broker = self.broker(&metrics).await;
        let things = self.database.collection::<Thing>("things");
        let snapshot = snapshot_of(&things, |thing| Some(event_of(&thing)));
        let resync = Resync::new(broker, &self.database, snapshot);
        let resync = Running::start(|stop| resync.run(stop));
        Process { metrics, resync }
    }

    async fn messages(&self, broker: &Broker) -> u64 {
        let stream = broker.jetstream().get_stream(&self.name).await.unwrap();
        stream.cached_info().state.messages
    }

    /// Waits until the service has stored that the stream is filled.
    async fn wait_until_filled(&self) {
        let streams = self.database.collection::<Document>("streams");
        let filled = async || streams.find_one(doc! { "_id": &self.name }).await.unwrap();
        eventually_within(TIMEOUT, "the stream is filled", filled).await;
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
}

#[tokio::test]
async fn of_two_processes_one_fills_a_new_stream() {
    let fleet = Fleet::new().await;
    let broker = fleet.broker(&Metrics::none()).await;
    let processes = [fleet.start_process().await, fleet.start_process().await];
    fleet.wait_until_filled().await;
    let [one, other] = processes;
    let published = one.published().await + other.published().await;
    assert_eq!(published, ENTITIES);
    one.resync.stop().await;
    other.resync.stop().await;
    assert_eq!(fleet.messages(&broker).await, ENTITIES);
    fleet.end(broker).await;
}

#[tokio::test]
async fn a_process_continues_where_another_died() {
    let fleet = Fleet::new().await;
    let broker = fleet.broker(&Metrics::none()).await;
    let dead = fleet.start_process().await;
    let begun = async || fleet.messages(&broker).await > ENTITIES / 4;
    eventually_within(TIMEOUT, "some are published", begun).await;
    dead.resync.task.abort();
    assert!(dead.resync.task.await.unwrap_err().is_cancelled());
    let published = fleet.messages(&broker).await;
    assert!(published < ENTITIES, "it died too late");
    let next = fleet.start_process().await;
    fleet.wait_until_filled().await;
    let continued = next.published().await;
    assert!(continued < ENTITIES, "it started from the beginning");
    next.resync.stop().await;
    assert_eq!(fleet.messages(&broker).await, ENTITIES);
    fleet.end(broker).await;
}

#[tokio::test]
async fn a_damaged_document_does_not_block_the_others() {
    let fleet = Fleet::new().await;
    let broker = fleet.broker(&Metrics::none()).await;
    let things = fleet.database.collection::<Document>("things");
    things.insert_one(&doc! { "_id": "damaged" }).await.unwrap();
    let process = fleet.start_process().await;
    fleet.wait_until_filled().await;
    assert_eq!(fleet.messages(&broker).await, ENTITIES);
    process.resync.stop().await;
    fleet.end(broker).await;
}
