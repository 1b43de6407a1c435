//! Two releases of a service at the same time: each knows subjects that the other does not, and no event is lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use common::{Event, Subject};
use futures::StreamExt;
use messaging::{Consumer, Failure, Handler};
use testkit::{TestApp, eventually, eventually_within};

use crate::fixtures::{Running, TIMEOUT, short_retries, stream_of};
use crate::toy::{create, start, ticket};

/// Another queue group than the toy's.
const GROUP: &str = "releases";

/// The subject that only a later release knows.
const ARCHIVED: &str = "ticket:archived";

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Subject>>>);

impl Seen {
    fn count(&self, subject: Subject) -> usize {
        let seen = self.0.lock().unwrap();
        seen.iter().filter(|seen| **seen == subject).count()
    }
}

impl Handler for Seen {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        self.0.lock().unwrap().push(event.subject());
        Ok(())
    }
}

/// A release that handles certain subjects.
struct Release {
    seen: Seen,
    consumer: Running,
}

impl Release {
    fn start(app: &TestApp, subjects: &'static [Subject], tries: u64) -> Self {
        let seen = Seen::default();
        let consumer = Consumer::new(app.broker().clone(), GROUP, subjects, seen.clone());
        let consumer = consumer.with_retry_policy(short_retries(tries));
        let consumer = Running::start(|stop| consumer.run(stop));
        Self { seen, consumer }
    }
}

/// The subjects that the broker delivers to the group, without their prefix.
async fn filters(app: &TestApp) -> Vec<String> {
    let Ok(info) = stream_of(app).await.consumer_info(GROUP).await else {
        return Vec::new();
    };
    let config = info.config;
    let filters = config.filter_subjects.into_iter();
    let filters = filters.chain(Some(config.filter_subject));
    let filters = filters.filter(|filter| !filter.is_empty());
    let prefix = app.broker().subject(Subject::TicketCreated);
    let prefix = prefix.trim_end_matches(Subject::TicketCreated.as_str());
    filters
        .map(|filter| filter.trim_start_matches(prefix).to_owned())
        .collect()
}

fn prefixed(app: &TestApp, subject: &str) -> String {
    let known = app.broker().subject(Subject::TicketCreated);
    known.replace(Subject::TicketCreated.as_str(), subject)
}

#[tokio::test]
async fn an_older_release_that_starts_later_removes_no_subjects_of_a_newer_one() {
    const EVENTS: usize = 20;
    let app = start().await;
    let both = &[Subject::TicketCreated, Subject::TicketUpdated];
    let newer = Release::start(&app, both, 1_000);
    eventually("the newer release reads both", async || {
        filters(&app).await.len() == 2
    })
    .await;
    let older = Release::start(&app, &[Subject::TicketCreated], 1_000);
    let marker = async || {
        create(&app, "fine").await;
        older.seen.count(Subject::TicketCreated) > 0
    };
    eventually("the older release reads too", marker).await;
    for _ in 0..EVENTS {
        app.publish(Event::TicketUpdated(ticket("fine"))).await;
    }
    eventually("the newer release has handled all of them", async || {
        newer.seen.count(Subject::TicketUpdated) == EVENTS
    })
    .await;
    assert_eq!(older.seen.count(Subject::TicketUpdated), 0);
    assert!(app.dead_letters().await.is_empty());
    newer.consumer.stop().await;
    older.consumer.stop().await;
    app.finish().await;
}

/// Adds a subject that only a later release knows to the stream and to the group, as that release does.
async fn add_subject_of_later_release(app: &TestApp) -> PullConsumer {
    let stream = stream_of(app).await;
    let mut config = stream.cached_info().config.clone();
    config.subjects.push(prefixed(app, ARCHIVED));
    app.broker()
        .jetstream()
        .update_stream(config)
        .await
        .unwrap();
    let known = app.broker().subject(Subject::TicketCreated);
    let config = pull::Config {
        durable_name: Some(GROUP.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(6),
        filter_subjects: vec![known, prefixed(app, ARCHIVED)],
        ..pull::Config::default()
    };
    stream.create_consumer(config).await.unwrap()
}

async fn archive(app: &TestApp) {
    let subject = prefixed(app, ARCHIVED);
    let sent = app.broker().jetstream().publish(subject, "{}".into()).await;
    sent.unwrap().await.unwrap();
}

#[tokio::test]
async fn an_event_of_an_unknown_subject_is_left_to_the_release_that_knows_it() {
    let app = start().await;
    let later = add_subject_of_later_release(&app).await;
    let older = Release::start(&app, &[Subject::TicketCreated], 1_000);
    let marker = async || {
        create(&app, "fine").await;
        older.seen.count(Subject::TicketCreated) > 0
    };
    eventually("the older release reads", marker).await;
    archive(&app).await;
    let received = async || {
        let batch = later
            .batch()
            .max_messages(1)
            .expires(Duration::from_millis(200));
        let mut batch = batch.messages().await.unwrap();
        let Some(Ok(message)) = batch.next().await else {
            return false;
        };
        if !message.subject.ends_with(ARCHIVED) {
            message.ack_with(AckKind::Nak(None)).await.unwrap();
            return false;
        }
        message.ack().await.unwrap();
        true
    };
    eventually_within(TIMEOUT, "the later release receives it", received).await;
    assert!(app.dead_letters().await.is_empty());
    older.consumer.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn an_event_that_no_release_handles_becomes_a_dead_letter() {
    let app = start().await;
    add_subject_of_later_release(&app).await;
    let older = Release::start(&app, &[Subject::TicketCreated], 4);
    archive(&app).await;
    let letter = app.take_dead_letter().await;
    assert_eq!(letter.subject, ARCHIVED);
    assert_eq!(
        letter.reason,
        "this release does not handle ticket:archived"
    );
    older.consumer.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn the_stream_keeps_subjects_that_this_release_does_not_know() {
    let app = start().await;
    add_subject_of_later_release(&app).await;
    // The testkit's connection may update the streams, like the toy's.
    app.broker().ensure_streams().await.unwrap();
    let config = stream_of(&app).await.cached_info().config.clone();
    assert!(
        config.subjects.contains(&prefixed(&app, ARCHIVED)),
        "{config:?}"
    );
    app.finish().await;
}
