//! A user that may do what a service's definition says, and nothing else, is enough for the service.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::pull;
use base::clock::Clock;
use base::config::Environment;
use base::{Definition, QueueGroup};
use common::{Event, Subject};
use futures::StreamExt;
use messaging::Permissions;
use messaging::feed::{Feed, News};
use messaging::{Broker, BrokerConfig, BrokerError, Consumer, Failure, Handler, Outgoing};
use testkit::progress::Silent;
use testkit::servers::{ConfiguredNats, NatsConfiguration};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::toy;

const PATIENCE: Duration = Duration::from_secs(10);

/// How long something must be absent to count as absent.
const SILENCE: Duration = Duration::from_millis(500);

const SELLER: Definition = Definition {
    publishes: &[Subject::TicketCreated],
    feed: &[Subject::TicketCreated],
    keeps_streams: true,
    resyncs: true,
    ..Definition::new("seller")
};

const BUYERS: QueueGroup = QueueGroup {
    name: "buyers",
    subjects: &[Subject::TicketCreated],
};

const BUYER: Definition = Definition {
    publishes: &[Subject::OrderCreated],
    queue_group: Some(BUYERS),
    ..Definition::new("buyer")
};

/// A server that knows both, and lets each do what it needs.
async fn server() -> ConfiguredNats {
    let usual = |service| config("nats://nowhere", service);
    let user = |definition: &Definition| {
        let needed = Permissions::needed(definition, &usual(definition.name));
        // JSON is one of the forms that the configuration may have.
        let json = serde_json::json!({
            "user": definition.name, "password": "secret", "permissions": needed,
        });
        json.to_string()
    };
    let users = format!("[{}, {}]", user(&SELLER), user(&BUYER));
    let configuration = NatsConfiguration {
        files: vec![(
            "nats.conf".to_owned(),
            format!("authorization {{ users = {users} }}"),
        )],
        variables: Vec::new(),
    };
    let progress = Arc::new(Silent) as Arc<_>;
    ConfiguredNats::start(&configuration, &progress)
        .await
        .unwrap()
}

fn config(url: &str, user: &str) -> BrokerConfig {
    let variables = [
        ("NATS_URL", url),
        ("NATS_USER", user),
        ("NATS_PASSWORD", "secret"),
    ];
    let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = BrokerConfig::read(&mut Environment::of(owned), user);
    config.unwrap()
}

async fn connect(server: &ConfiguredNats, definition: &'static Definition) -> Broker {
    let config = config(&server.url(), definition.name);
    Broker::connect_as(&config, definition).await.unwrap()
}

struct Telling(mpsc::Sender<Event>);

impl Handler for Telling {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        self.0.send(event).await.unwrap();
        Ok(())
    }
}

fn sale(title: &str) -> Outgoing {
    let event = Event::TicketCreated(toy::ticket(title));
    Outgoing::new(title.to_owned(), &event, Clock::system().now())
}

#[tokio::test]
async fn what_a_definition_says_is_enough_to_tell_to_act_and_to_watch() {
    let server = server().await;
    let (seller, buyer) = (
        connect(&server, &SELLER).await,
        connect(&server, &BUYER).await,
    );
    let stop = CancellationToken::new();
    let (tell, mut told) = mpsc::channel(8);
    let consumer = Consumer::new(buyer, BUYERS.name, BUYERS.subjects, Telling(tell));
    let consuming = tokio::spawn(consumer.run(stop.clone()));
    let (feed, reader) = Feed::new(seller.clone(), SELLER.feed, Some);
    let reading = tokio::spawn(reader.run(stop.clone()));
    let mut watcher = feed.subscribe_to_recent();

    seller.publish(&sale("A")).await.unwrap();
    let acted_on = timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
    assert_eq!(acted_on.subject(), Subject::TicketCreated);
    let shown = async { while !matches!(watcher.next().await, Some(News::Event { .. })) {} };
    timeout(PATIENCE, shown).await.unwrap();
    // Whatever was not acknowledged would be out still.
    assert!(timeout(SILENCE, told.recv()).await.is_err());
    stop.cancel();
    consuming.await.unwrap();
    reading.await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn nobody_tells_acts_or_listens_in_the_name_of_another() {
    let server = server().await;
    let (_seller, buyer) = (
        connect(&server, &SELLER).await,
        connect(&server, &BUYER).await,
    );
    // The service itself refuses what is not its own,
    let refused = buyer.publish(&sale("A")).await;
    assert!(matches!(
        refused,
        Err(BrokerError::UndeclaredSubject(Subject::TicketCreated))
    ));
    // and somebody with its password is refused by the broker.
    let thief = async_nats::ConnectOptions::with_user_and_password("buyer".into(), "secret".into())
        .custom_inbox_prefix("_INBOX_buyer")
        .request_timeout(Some(SILENCE))
        .connect(server.url())
        .await
        .unwrap();
    let jetstream = jetstream::new(thief.clone());
    let published = jetstream
        .publish("ticket:created", "{}".into())
        .await
        .unwrap();
    assert!(
        timeout(SILENCE, published)
            .await
            .map_or(true, |answer| answer.is_err())
    );
    assert!(jetstream.delete_stream("ticketing").await.is_err());
    let stream = jetstream.get_stream("ticketing").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 0, "a sale of a thief");
    let config = pull::Config {
        durable_name: Some("sellers".to_owned()),
        ..pull::Config::default()
    };
    assert!(stream.create_consumer(config).await.is_err());
    let mut overheard = thief.subscribe("_INBOX_seller.>").await.unwrap();
    let mut all = thief.subscribe("ticket:created").await.unwrap();
    connect(&server, &SELLER)
        .await
        .publish(&sale("B"))
        .await
        .unwrap();
    assert!(!matches!(
        timeout(SILENCE, overheard.next()).await,
        Ok(Some(_))
    ));
    assert!(!matches!(timeout(SILENCE, all.next()).await, Ok(Some(_))));
    server.stop().await;
}

#[test]
fn a_user_has_a_password_and_a_password_a_user() {
    for (name, missing) in [
        ("NATS_USER", "NATS_PASSWORD"),
        ("NATS_PASSWORD", "NATS_USER"),
    ] {
        let variables = [("NATS_URL", "nats://nowhere"), (name, "orders")];
        let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut environment = Environment::of(owned);
        assert!(BrokerConfig::read(&mut environment, "orders").is_none());
        let error = environment.finish(None::<()>).unwrap_err();
        assert!(error.faults()[0].starts_with(missing), "{error}");
    }
}
