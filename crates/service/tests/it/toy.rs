//! The toy: the smallest service with an outbox and a consumer. It counts the events that it handles.

use base::config::Environment;
use base::{Clock, Definition, QueueGroup};
use bson::doc;
use bson::oid::ObjectId;
use common::events::TicketState;
use common::{Event, Price, Subject};
use messaging::resync::{Resync, snapshot_of};
use messaging::{BrokerConfig, Consumer, Failure, Handler, OutboxCollection, Relay};
use mongo::{Collection, MongoConfig, new_id, object_id, typed_id};
use serde::{Deserialize, Serialize};
use service::App;
use service::app::{StartError, connect_broker, connect_mongo};
use telemetry::metrics::Metrics;
use testkit::{TestApp, eventually};
use utoipa_axum::router::OpenApiRouter;

use crate::fixtures::{Thing, short_retries};

const GROUP: QueueGroup = QueueGroup {
    name: "toy-service",
    subjects: &[Subject::TicketCreated],
};

pub(crate) const DEFINITION: Definition = Definition {
    publishes: &[Subject::TicketUpdated],
    queue_group: Some(GROUP),
    resyncs: true,
    updates_streams: true,
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

pub(crate) async fn start() -> TestApp {
    start_with([]).await
}

/// Starts the toy with these environment variables changed.
pub(crate) async fn start_with<const N: usize>(variables: [(&str, String); N]) -> TestApp {
    let toy = variables
        .into_iter()
        .fold(TestApp::new("toy"), |toy, (name, value)| {
            toy.set(name, value)
        });
    toy.start(Config::read, build).await
}

pub(crate) async fn build(config: Config, _: Clock) -> Result<App, StartError> {
    let metrics = Metrics::new("toy", &[web::METRICS, messaging::METRICS, mongo::METRICS]);
    let database = connect_mongo(&config.mongo, "toy", &metrics).await?;
    let broker = connect_broker(&config.broker, &DEFINITION, &metrics).await?;
    let mut relay = Relay::new(broker.clone());
    let things: OutboxCollection<Thing> = relay.collection(&database, "things").await?;
    let counting = Counting {
        seen: database.collection("seen"),
    };
    let consumer = Consumer::new(broker.clone(), GROUP.name, GROUP.subjects, counting)
        .with_retry_policy(short_retries(4));
    let resync = Resync::new(
        broker.clone(),
        &database,
        snapshot_of(things.documents(), |thing| Some(event_of(&thing))),
    );
    let routes = OpenApiRouter::new();
    Ok(App::new(&DEFINITION, None, metrics, routes, (), None)
        .consumer(consumer)
        .relay(relay)
        .resync(resync)
        .broker(broker)
        .database(database))
}

/// The event with a thing's state.
pub(crate) fn event_of(thing: &Thing) -> Event {
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

/// Publishes `ticket:created` for a new ticket, which it returns.
pub(crate) async fn create(app: &TestApp, title: &str) -> TicketState {
    let ticket = ticket(title);
    app.publish(Event::TicketCreated(ticket.clone())).await;
    ticket
}

#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    #[serde(rename = "_id")]
    id: ObjectId,
    times: i32,
}

/// Counts the deliveries of each ticket. The ticket's title decides how handling ends.
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
            "fatal" => Err(Failure::Fatal("on purpose".into())),
            "retry" => Err(Failure::Retry("on purpose".into())),
            "third try" if before < 2 => Err(Failure::Retry("on purpose".into())),
            "outage" if before < 9 => Err(Failure::Unavailable("on purpose".into())),
            "panic" => panic!("on purpose"),
            _ => Ok(()),
        }
    }
}

/// How often this ticket was delivered to the toy.
pub(crate) async fn times_seen(app: &TestApp, ticket: &TicketState) -> i32 {
    let seen = app.database().collection::<Seen>("seen");
    let seen = seen.find_one(doc! { "_id": object_id(ticket.id) }).await;
    seen.unwrap().map_or(0, |seen| seen.times)
}

/// Waits until this ticket was delivered to the toy so many times.
pub(crate) async fn expect_seen(app: &TestApp, ticket: &TicketState, times: i32) {
    eventually("the event is handled", async || {
        times_seen(app, ticket).await == times
    })
    .await;
}

/// Stores a thing with an event in its outbox, like a process that died before it published the event.
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
