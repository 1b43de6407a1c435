//! The live feed: one consumer, any number of watchers, and a reset for a watcher that missed events.

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

use crate::fixtures::{Running, recreate_stream, stream_of};
use crate::toy::{create, start};

/// A process that shows the titles of new tickets live, except for the title "secret".
struct Process {
    feed: Feed<String>,
    reader: Running,
}

impl Process {
    fn start(broker: &Broker) -> Self {
        let (feed, reader) = Feed::new(broker.clone(), &[Subject::TicketCreated], |event| {
            let Event::TicketCreated(TicketState { title, .. }) = event else {
                return None;
            };
            (title.as_str() != "secret").then(|| title.to_string())
        });
        let reader = Running::start(|stop| reader.run(stop));
        Self { feed, reader }
    }
}

/// The next event's id and title.
async fn next(watcher: &mut Subscription<String>) -> (String, String) {
    match next_news(watcher).await {
        News::Event { id, item } => (id.to_string(), item),
        other => panic!("{other:?}"),
    }
}

async fn next_news(watcher: &mut Subscription<String>) -> News<String> {
    let news = tokio::time::timeout(Duration::from_secs(15), watcher.next()).await;
    news.expect("news in time").expect("the feed has not ended")
}

/// Waits until the watcher receives its cursor.
async fn cursor(watcher: &mut Subscription<String>) -> EventId {
    match next_news(watcher).await {
        News::Cursor(id) => id,
        other => panic!("{other:?}"),
    }
}

/// The feeds' consumers of the app's stream.
async fn consumers(app: &TestApp) -> Vec<String> {
    let names = stream_of(app).await.consumer_names();
    let names: Vec<String> = names.try_collect().await.unwrap();
    names
        .into_iter()
        .filter(|name| name.starts_with("feed-"))
        .collect()
}

#[tokio::test]
async fn two_hundred_watchers_receive_an_event_within_a_second_from_one_consumer() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watchers: Vec<_> = (0..200).map(|_| process.feed.subscribe(None)).collect();
    for watcher in &mut watchers {
        cursor(watcher).await;
    }
    let before = Instant::now();
    create(&app, "Front row").await;
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
    process.reader.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_watcher_continues_in_another_process_and_after_a_restart() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watcher = process.feed.subscribe(None);
    cursor(&mut watcher).await;
    for title in ["A", "secret", "B", "C"] {
        create(&app, title).await;
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
    process.reader.stop().await;
    replica.reader.stop().await;
    create(&app, "D").await;
    let restarted = Process::start(app.broker());
    let mut watcher = restarted.feed.subscribe(Some(&id));
    for title in ["B", "C", "D"] {
        assert_eq!(next(&mut watcher).await.1, title);
    }
    restarted.reader.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_watcher_receives_future_events_or_recent_ones_too() {
    let app = start().await;
    create(&app, "A").await;
    let process = Process::start(app.broker());
    assert_eq!(next(&mut process.feed.subscribe_to_recent()).await.1, "A");
    let mut watcher = process.feed.subscribe(None);
    assert_eq!(cursor(&mut watcher).await, process.feed.cursor());
    create(&app, "B").await;
    assert_eq!(next(&mut watcher).await.1, "B");
    process.reader.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_watcher_with_an_unknown_cursor_is_reset_and_continues_from_now() {
    let app = start().await;
    let process = Process::start(app.broker());
    create(&app, "A").await;
    let (id, _) = next(&mut process.feed.subscribe_to_recent()).await;
    let (stream, _) = id.split_once('-').unwrap();
    let in_future = format!("{stream}-1000");
    for unknown in [
        "",
        "-",
        "banana",
        "0-1",
        "-1-1",
        &in_future,
        &"9".repeat(500),
    ] {
        let mut watcher = process.feed.subscribe(Some(unknown));
        let News::Reset(cursor) = next_news(&mut watcher).await else {
            panic!("{unknown}")
        };
        let before = cursor.to_string();
        create(&app, "next").await;
        let (id, title) = next(&mut watcher).await;
        assert_eq!(title, "next");
        assert_ne!(before, id);
    }
    process.reader.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_consumer_that_the_broker_loses_is_recreated_and_nothing_is_missed() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watcher = process.feed.subscribe(None);
    cursor(&mut watcher).await;
    create(&app, "A").await;
    assert_eq!(next(&mut watcher).await.1, "A");
    let [consumer] = &consumers(&app).await[..] else {
        panic!("not one consumer")
    };
    let stream = stream_of(&app).await;
    stream.delete_consumer(consumer).await.unwrap();
    create(&app, "B").await;
    assert_eq!(next(&mut watcher).await.1, "B");
    create(&app, "C").await;
    assert_eq!(next(&mut watcher).await.1, "C");
    process.reader.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_recreated_stream_is_followed_and_its_watchers_are_reset() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watcher = process.feed.subscribe(None);
    cursor(&mut watcher).await;
    create(&app, "A").await;
    let (old, _) = next(&mut watcher).await;
    recreate_stream(&app).await;
    assert!(matches!(next_news(&mut watcher).await, News::Reset(_)));
    create(&app, "B").await;
    assert_eq!(next(&mut watcher).await.1, "B");
    let mut late = process.feed.subscribe(Some(&old));
    assert!(matches!(next_news(&mut late).await, News::Reset(_)));
    process.reader.stop().await;
    app.finish().await;
}

/// A connection to the broker that can be interrupted.
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
        let cuts = cut.clone();
        let relay = tokio::spawn(async move {
            loop {
                let (mut caller, _) = listener.accept().await.unwrap();
                let mut cut = cuts.subscribe();
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
async fn events_published_while_the_connection_is_lost_arrive_afterwards() {
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
    cursor(&mut watcher).await;
    for round in 0..2 {
        create(&app, "A").await;
        assert_eq!(next(&mut watcher).await.1, "A");
        wire.cut.send_replace(true);
        eventually("the connection is lost", async || !broker.is_connected()).await;
        for seat in 0..100 {
            create(&app, &format!("Seat {round}.{seat}")).await;
        }
        wire.cut.send_replace(false);
        for seat in 0..100 {
            let title = next(&mut watcher).await.1;
            assert_eq!(title, format!("Seat {round}.{seat}"));
        }
    }
    process.reader.stop().await;
    broker.close().await;
    wire.relay.abort();
    app.finish().await;
}

#[tokio::test]
async fn the_end_of_a_feed_ends_all_subscriptions_and_leaves_no_consumer() {
    let app = start().await;
    let process = Process::start(app.broker());
    let mut watcher = process.feed.subscribe(None);
    cursor(&mut watcher).await;
    let feed = process.feed.clone();
    process.reader.stop().await;
    assert_eq!(watcher.next().await, None);
    assert_eq!(feed.subscribe(None).next().await, None);
    assert!(feed.ended().is_cancelled());
    assert!(consumers(&app).await.is_empty());
    app.finish().await;
}
