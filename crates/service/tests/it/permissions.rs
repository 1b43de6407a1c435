//! The permissions made from a service's definition are sufficient for the service, and for nothing else.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::pull;
use base::clock::Clock;
use base::config::Environment;
use base::{Definition, QueueGroup};
use common::{Event, Subject};
use futures::StreamExt;
use messaging::feed::{Feed, News};
use messaging::{
    Broker, BrokerConfig, BrokerError, Consumer, Failure, Handler, Outgoing, Permissions,
};
use testkit::progress::Silent;
use testkit::servers::{ConfiguredNats, NatsConfiguration};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::fixtures::Running;
use crate::toy;

const TIMEOUT: Duration = Duration::from_secs(10);

/// How long something must be absent to count as absent.
const SILENCE: Duration = Duration::from_millis(500);

const SELLER: Definition = Definition {
    publishes: &[Subject::TicketCreated],
    feed: &[Subject::TicketCreated],
    updates_streams: true,
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

/// A server with both users and their permissions.
async fn server() -> ConfiguredNats {
    let user = |definition: &Definition| {
        let config = config("nats://nowhere", definition.name);
        let needed = Permissions::needed(definition, &config);
        // The server's configuration accepts JSON.
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

struct Forwarding(mpsc::Sender<Event>);

impl Handler for Forwarding {
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
async fn the_permissions_suffice_to_publish_to_consume_and_to_watch() {
    let server = server().await;
    let (seller, buyer) = (
        connect(&server, &SELLER).await,
        connect(&server, &BUYER).await,
    );
    let (forward, mut received) = mpsc::channel(8);
    let handler = Forwarding(forward);
    let consumer = Consumer::new(buyer, BUYERS.name, BUYERS.subjects, handler);
    let consumer = Running::start(|stop| consumer.run(stop));
    let (feed, reader) = Feed::new(seller.clone(), SELLER.feed, Some);
    let reader = Running::start(|stop| reader.run(stop));
    let mut watcher = feed.subscribe_to_recent();

    seller.publish(&sale("A")).await.unwrap();
    let event = timeout(TIMEOUT, received.recv()).await.unwrap().unwrap();
    assert_eq!(event.subject(), Subject::TicketCreated);
    let shown = async { while !matches!(watcher.next().await, Some(News::Event { .. })) {} };
    timeout(TIMEOUT, shown).await.unwrap();
    // The event was acknowledged, so it is not redelivered.
    assert!(timeout(SILENCE, received.recv()).await.is_err());
    consumer.stop().await;
    reader.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn no_user_can_publish_consume_or_listen_for_another_service() {
    let server = server().await;
    let (_seller, buyer) = (
        connect(&server, &SELLER).await,
        connect(&server, &BUYER).await,
    );
    // The service itself refuses to publish events that its definition does not list.
    let refused = buyer.publish(&sale("A")).await;
    assert!(matches!(
        refused,
        Err(BrokerError::UndeclaredSubject(Subject::TicketCreated))
    ));
    // The broker refuses a thief who has the service's password.
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
            .map_or(true, |response| response.is_err())
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
fn a_user_without_a_password_is_refused_and_vice_versa() {
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
