//! The live feed: one subscription, any number of watchers, none of which misses anything without being told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::events::TicketState;
use common::{Event, Subject};
use futures::TryStreamExt;
use messaging::feed::{EventId, Feed, News, Subscription};
use messaging::{Broker, BrokerConfig};
use testkit::{Servers, TestApp, eventually};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::toy::{start, ticket};

/// What a process has that shows tickets' titles live.
struct Process {
    feed: Feed<String>,
    stop: CancellationToken,
    reader: JoinHandle<()>,
}

impl Process {
    fn start(broker: &Broker) -> Self {
        let (feed, reader) = Feed::new(broker.clone(), &[Subject::TicketCreated], |event| {
            let Event::TicketCreated(TicketState { title, .. }) = event else {
                return None;
            };
            (title.as_str() != "secret").then(|| title.to_string())
        });
        let stop = CancellationToken::new();
        let reader = tokio::spawn(reader.run(stop.clone()));
        Self { feed, stop, reader }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.reader.await.unwrap();
    }
}

async fn sell(app: &TestApp, title: &str) {
    app.publish(Event::TicketCreated(ticket(title))).await;
}

/// The next event's id and title.
async fn next(watcher: &mut Subscription<String>) -> (String, String) {
    match soon(watcher).await {
        News::Event { id, item } => (id.to_string(), item),
        other => panic!("{other:?}"),
    }
}

async fn soon(watcher: &mut Subscription<String>) -> News<String> {
    let news = tokio::time::timeout(Duration::from_secs(15), watcher.next()).await;
    news.expect("news come").expect("the feed goes on")
}

/// Waits until the watcher has its place, and gives it.
async fn place(watcher: &mut Subscription<String>) -> EventId {
    match soon(watcher).await {
        News::Cursor(id) => id,
        other => panic!("{other:?}"),
    }
}

/// The feeds' consumers of the app's stream.
async fn consumers(app: &TestApp) -> Vec<String> {
    let stream = app.broker().jetstream().get_stream(app.broker().stream());
    let names = stream.await.unwrap().consumer_names();
    let names: Vec<String> = names.try_collect().await.unwrap();
    names
        .into_iter()
        .filter(|name| name.starts_with("feed-"))
        .collect()
}

#[tokio::test]
async fn two_hundred_watchers_are_told_within_a_second_by_one_subscription() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watchers: Vec<_> = (0..200).map(|_| process.feed.subscribe(None)).collect();
    for watcher in &mut watchers {
        place(watcher).await;
    }
    let before = Instant::now();
    sell(&app, "Front row").await;
    let mut ids = Vec::new();
    for watcher in &mut watchers {
        let (id, title) = next(watcher).await;
        assert_eq!(title, "Front row");
        ids.push(id);
    }
    assert!(before.elapsed() < Duration::from_secs(1));
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(consumers(&app).await.len(), 1);
    process.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_watcher_goes_on_where_it_was_at_another_replica_and_after_a_restart() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watcher = process.feed.subscribe(None);
    place(&mut watcher).await;
    for title in ["A", "secret", "B", "C"] {
        sell(&app, title).await;
    }
    let (id, title) = next(&mut watcher).await;
    assert_eq!(title, "A");
    drop(watcher);
    let replica = Process::start(app.broker());
    for feed in [&replica.feed, &process.feed] {
        let mut watcher = feed.subscribe(Some(&id));
        assert_eq!(next(&mut watcher).await.1, "B");
        assert_eq!(next(&mut watcher).await.1, "C");
    }
    assert_eq!(consumers(&app).await.len(), 2);
    process.stop().await;
    replica.stop().await;
    sell(&app, "D").await;
    let restarted = Process::start(app.broker());
    let mut watcher = restarted.feed.subscribe(Some(&id));
    for title in ["B", "C", "D"] {
        assert_eq!(next(&mut watcher).await.1, title);
    }
    restarted.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_watcher_is_told_what_is_to_come_or_what_happened_a_moment_ago_too() {
    let app = start().await;
    sell(&app, "A").await;
    let process = Process::start(app.broker());
    assert_eq!(next(&mut process.feed.subscribe_to_recent()).await.1, "A");
    let mut watcher = process.feed.subscribe(None);
    assert_eq!(place(&mut watcher).await, process.feed.cursor());
    sell(&app, "B").await;
    assert_eq!(next(&mut watcher).await.1, "B");
    process.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_watcher_whose_place_is_unknown_is_reset_and_goes_on_from_now() {
    let app = start().await;
    let process = Process::start(app.broker());
    sell(&app, "A").await;
    let (id, _) = next(&mut process.feed.subscribe_to_recent()).await;
    let (stream, _) = id.split_once('-').unwrap();
    let further_on = format!("{stream}-1000");
    for unknown in [
        "",
        "-",
        "banana",
        "0-1",
        "-1-1",
        &further_on,
        &"9".repeat(500),
    ] {
        let mut watcher = process.feed.subscribe(Some(unknown));
        let News::Reset(place) = soon(&mut watcher).await else {
            panic!("{unknown}")
        };
        let before = place.to_string();
        sell(&app, "next").await;
        let (id, title) = next(&mut watcher).await;
        assert_eq!(title, "next");
        assert_ne!(before, id);
    }
    process.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_consumer_that_the_broker_loses_is_made_again_and_nothing_is_missed() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watcher = process.feed.subscribe(None);
    place(&mut watcher).await;
    sell(&app, "A").await;
    assert_eq!(next(&mut watcher).await.1, "A");
    let [consumer] = &consumers(&app).await[..] else {
        panic!("not one consumer")
    };
    let stream = app.broker().jetstream().get_stream(app.broker().stream());
    stream
        .await
        .unwrap()
        .delete_consumer(consumer)
        .await
        .unwrap();
    sell(&app, "B").await;
    assert_eq!(next(&mut watcher).await.1, "B");
    sell(&app, "C").await;
    assert_eq!(next(&mut watcher).await.1, "C");
    process.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_stream_made_anew_is_followed_and_its_watchers_are_reset() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watcher = process.feed.subscribe(None);
    place(&mut watcher).await;
    sell(&app, "A").await;
    let (old, _) = next(&mut watcher).await;
    let stream = app.broker().stream().to_owned();
    app.broker()
        .jetstream()
        .delete_stream(&stream)
        .await
        .unwrap();
    app.broker().ensure_streams().await.unwrap();
    assert!(matches!(soon(&mut watcher).await, News::Reset(_)));
    sell(&app, "B").await;
    assert_eq!(next(&mut watcher).await.1, "B");
    let mut late = process.feed.subscribe(Some(&old));
    assert!(matches!(soon(&mut late).await, News::Reset(_)));
    process.stop().await;
    app.finish().await;
}

/// A way to the broker that can be interrupted.
struct Wire {
    port: u16,
    cut: Arc<tokio::sync::watch::Sender<bool>>,
    relay: JoinHandle<()>,
}

impl Wire {
    async fn to_broker() -> Self {
        let url = Servers::shared().await.nats_url();
        let broker = url.strip_prefix("nats://").unwrap().to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(tokio::sync::watch::Sender::new(false));
        let told = cut.clone();
        let relay = tokio::spawn(async move {
            loop {
                let (mut caller, _) = listener.accept().await.unwrap();
                let mut cut = told.subscribe();
                if *cut.borrow() {
                    continue;
                }
                let mut server = TcpStream::connect(&broker).await.unwrap();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut caller, &mut server) => {}
                        _ = cut.wait_for(|cut| *cut) => {}
                    }
                });
            }
        });
        Self { port, cut, relay }
    }
}

#[tokio::test]
async fn what_happens_while_the_broker_is_away_is_told_when_it_is_back() {
    let app = start().await;
    let wire = Wire::to_broker().await;
    let config = BrokerConfig {
        url: format!("nats://127.0.0.1:{}", wire.port),
        stream: app.namespace().stream().to_owned(),
        client_id: "wire".to_owned(),
        subject_prefix: app.namespace().subject_prefix().to_owned(),
        replicas: 1,
        credentials: None,
    };
    let broker = Broker::connect(&config, "toy").await.unwrap();
    let process = Process::start(&broker);
    let mut watcher = process.feed.subscribe(None);
    place(&mut watcher).await;
    for round in 0..2 {
        sell(&app, "A").await;
        assert_eq!(next(&mut watcher).await.1, "A");
        wire.cut.send_replace(true);
        eventually("the connection is lost", async || !broker.is_connected()).await;
        for seat in 0..100 {
            sell(&app, &format!("Seat {round}.{seat}")).await;
        }
        wire.cut.send_replace(false);
        for seat in 0..100 {
            let title = next(&mut watcher).await.1;
            assert_eq!(title, format!("Seat {round}.{seat}"));
        }
    }
    process.stop().await;
    broker.close().await;
    wire.relay.abort();
    app.finish().await;
}

#[tokio::test]
async fn the_end_of_a_feed_ends_all_subscriptions_and_leaves_no_consumer() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watcher = process.feed.subscribe(None);
    place(&mut watcher).await;
    let feed = process.feed.clone();
    process.stop().await;
    assert_eq!(watcher.next().await, None);
    assert_eq!(feed.subscribe(None).next().await, None);
    assert!(feed.ended().is_cancelled());
    assert!(consumers(&app).await.is_empty());
    app.finish().await;
}
