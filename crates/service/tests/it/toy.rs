//! The smallest service that has a document with an outbox and a consumer: it counts what it is told.

use std::time::Duration;

use base::Clock;
use base::Definition;
use base::QueueGroup;
use base::backoff::Backoff;
use base::config::Environment;
use bson::doc;
use bson::oid::ObjectId;
use common::events::TicketState;
use common::{Event, Price, Subject};
use messaging::resync::{Resync, snapshot_of};
use messaging::{BrokerConfig, Consumer, Failure, Handler, OutboxCollection, Relay, RetryPolicy};
use mongo::{Collection, MongoConfig, new_id, object_id, typed_id};
use serde::{Deserialize, Serialize};
use service::App;
use service::app::{StartError, connect_broker, connect_mongo};
use telemetry::metrics::Metrics;
use testkit::TestApp;
use utoipa_axum::router::OpenApiRouter;

const GROUP: QueueGroup = QueueGroup {
    name: "toy-service",
    subjects: &[Subject::TicketCreated],
};

pub(crate) const DEFINITION: Definition = Definition {
    publishes: &[Subject::TicketUpdated],
    queue_group: Some(GROUP),
    resyncs: true,
    keeps_streams: true,
    ..Definition::new("toy")
};

pub(crate) struct Config {
    mongo: MongoConfig,
    broker: BrokerConfig,
}

impl Config {
    pub(crate) fn read(environment: &mut Environment) -> Option<Self> {
        Some(Self {
            mongo: MongoConfig::read(environment)?,
            broker: BrokerConfig::read(environment, "toy")?,
        })
    }
}

/// What the toy owns.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Thing {
    #[serde(rename = "_id")]
    id: ObjectId,
}

pub(crate) async fn start() -> TestApp {
    start_with([]).await
}

/// The toy with these variables over those that it would have.
pub(crate) async fn start_with<const N: usize>(variables: [(&str, String); N]) -> TestApp {
    let toy = variables
        .into_iter()
        .fold(TestApp::new("toy"), |toy, (name, value)| {
            toy.set(name, value)
        });
    toy.start(Config::read, build).await
}

pub(crate) async fn build(config: Config, _: Clock) -> Result<App, StartError> {
    let metrics = Metrics::new("toy");
    let database = connect_mongo(&config.mongo, "toy", &metrics).await?;
    let broker = connect_broker(&config.broker, &DEFINITION, &metrics).await?;
    let mut relay = Relay::new(broker.clone());
    let things: OutboxCollection<Thing> = relay.collection(&database, "things").await?;
    let counting = Counting {
        seen: database.collection("seen"),
    };
    let consumer = Consumer::new(broker.clone(), GROUP.name, GROUP.subjects, counting)
        .with_retry_policy(RetryPolicy {
            tries: 4,
            delays: Backoff::new(Duration::from_millis(10), Duration::from_millis(50)),
        });
    let resync = Resync::new(
        broker.clone(),
        &database,
        snapshot_of(things.documents(), |thing| Some(told(&thing))),
    );
    let routes = OpenApiRouter::new();
    Ok(App::new(&DEFINITION, None, metrics, routes, (), None)
        .consumer(consumer)
        .relay(relay)
        .resync(resync)
        .broker(broker)
        .database(database))
}

/// What is told of a thing.
fn told(thing: &Thing) -> Event {
    Event::TicketUpdated(TicketState {
        id: typed_id(thing.id),
        ..ticket("a thing")
    })
}

pub(crate) fn ticket(title: &str) -> TicketState {
    TicketState {
        id: new_id(),
        version: 0,
        title: title.parse().unwrap(),
        price: Price::from_cents(100).unwrap(),
        user_id: new_id(),
        order_id: None,
        withdrawn: false,
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    #[serde(rename = "_id")]
    id: ObjectId,
    times: i32,
}

/// Counts how often it is told of each ticket; the ticket's title says how that goes.
struct Counting {
    seen: Collection<Seen>,
}

impl Handler for Counting {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        let Event::TicketCreated(ticket) = event else {
            return Ok(());
        };
        let by_id = doc! { "_id": object_id(ticket.id) };
        let count = doc! { "$inc": { "times": 1 } };
        self.seen.update_one(by_id.clone(), count, true).await?;
        let seen = self.seen.find_one(by_id).await?;
        let before = seen.map_or(0, |seen| seen.times - 1);
        match ticket.title.as_str() {
            "never" => Err(Failure::Fatal("it says so".into())),
            "not now" => Err(Failure::Retry("it says so".into())),
            "the third time" if before < 2 => Err(Failure::Retry("too early".into())),
            "after an outage" if before < 9 => Err(Failure::Unavailable("still away".into())),
            "deadly" => panic!("it says so"),
            _ => Ok(()),
        }
    }
}

/// How often the toy was told of this ticket.
pub(crate) async fn times_seen(app: &TestApp, ticket: &TicketState) -> i32 {
    let seen = app.database().collection::<Seen>("seen");
    let seen = seen.find_one(doc! { "_id": object_id(ticket.id) }).await;
    seen.unwrap().map_or(0, |seen| seen.times)
}

/// Puts a thing with an event in its outbox into the database, as a process leaves it that dies before it
/// publishes.
pub(crate) async fn leave_in_outbox(app: &TestApp, ticket: &TicketState) {
    let event = Event::TicketUpdated(ticket.clone());
    let things = app.database().collection::<bson::Document>("things");
    let entry = doc! {
        "id": format!("left-{}", ticket.id), "subject": event.subject().as_str(),
        "body": event.to_json(), "time": bson::DateTime::from_millis(0),
    };
    let thing = doc! { "_id": object_id(ticket.id), "outbox": [entry] };
    things.insert_one(thing).await.unwrap();
}
