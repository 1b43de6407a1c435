//! What is measured of events: how long they are on their way, how often they come again, and what waits.

pub(crate) mod catalogue;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::connection::State;
use bson::{Document, RawDocumentBuf, doc};
use common::{Subject, Timestamp};

use super::broker::BrokerError;
use super::consumer::Failure;
use super::outbox::{Waiting, publishable, unpublishable};
use super::trace::Outcome;
use base::clock::Clock;
use catalogue::{
    BROKER_CONNECTED, CONSUMER_INTERRUPTIONS, DEAD_LETTERS, EVENT_APPLY_LAG, FEED_INTERRUPTIONS,
    FEED_LAG, FEED_RESETS, MESSAGING_PROCESS_DURATION, MESSAGING_PUBLISH_DURATION,
    OUTBOX_DOCUMENTS, OUTBOX_OLDEST_AGE, OUTBOX_UNPUBLISHABLE, REDELIVERIES,
};
use mongo::{Collection, Find, StoreError, to_date_time};
use telemetry::metrics::{Counter, Counters, Gauge, Histogram, Histograms, Metrics};

/// Up to how many documents with waiting events are counted: enough to see an outage, and no more than the database counts
/// in passing.
const MOST_COUNTED: u64 = 10_000;

/// An event that this release cannot publish is no news before it has waited for so long: another release that runs beside
/// it may publish it.
const ANOTHER_MAY_PUBLISH: Duration = Duration::from_secs(30);

/// What is measured of a connection to the broker. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) metrics: Metrics,
    publishing: Histograms<2>,
}

impl Connection {
    pub(super) const fn unmeasured() -> Self {
        Self {
            metrics: Metrics::none(),
            publishing: Histograms::absent(),
        }
    }

    pub(super) fn of(client: &Client, metrics: &Metrics) -> Self {
        let (connected, client) = (metrics.gauge(&BROKER_CONNECTED), client.clone());
        metrics.on_scrape(move || {
            let stands = client.connection_state() == State::Connected;
            connected.set(f64::from(stands));
        });
        Self {
            metrics: metrics.clone(),
            publishing: metrics.histograms(&MESSAGING_PUBLISH_DURATION),
        }
    }

    /// Measures the publication of an event.
    pub(super) async fn publishing(
        &self,
        subject: Subject,
        publication: impl Future<Output = Result<(), BrokerError>>,
    ) -> Result<(), BrokerError> {
        let began = Instant::now();
        let published = publication.await;
        let failure = match &published {
            Ok(()) => "",
            Err(BrokerError::Timeout) => "timeout",
            Err(_) => "error",
        };
        let said = [subject.as_str(), failure];
        self.publishing.with(said).observe(began.elapsed());
        published
    }
}

/// What is measured of a consumer.
#[derive(Debug)]
pub(super) struct Deliveries {
    consumer: &'static str,
    durations: Histograms<3>,
    lags: Histograms<2>,
    redeliveries: Counters<2>,
    dead_letters: Counters<2>,
    pub(super) interruptions: Counter,
}

/// One of its deliveries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) subject: &'a str,
    pub(super) began: Instant,
    pub(super) is_readable: bool,
    /// Whether it was delivered before.
    pub(super) is_again: bool,
    /// Whether it was delivered oftener than it is tried.
    pub(super) is_unsurvived: bool,
}

impl Deliveries {
    pub(super) fn to(consumer: &'static str, metrics: &Metrics) -> Self {
        let interruptions = metrics.counters(&CONSUMER_INTERRUPTIONS);
        Self {
            consumer,
            durations: metrics.histograms(&MESSAGING_PROCESS_DURATION),
            lags: metrics.histograms(&EVENT_APPLY_LAG),
            redeliveries: metrics.counters(&REDELIVERIES),
            dead_letters: metrics.counters(&DEAD_LETTERS),
            interruptions: interruptions.with([consumer]),
        }
    }

    /// Takes note of what came of a delivery, whose event was written `lag` ago.
    pub(super) fn handled(&self, delivery: Delivery<'_>, outcome: &Outcome, lag: Option<Duration>) {
        let about = [self.consumer, delivery.subject];
        if delivery.is_again {
            self.redeliveries.with(about).increment();
        }
        if let (Outcome::Done, Some(lag)) = (outcome, lag) {
            self.lags.with(about).observe(lag);
        }
    }

    /// Takes note that the broker was told of it, or was not; `failure` is why it had no effect.
    pub(super) fn answered(&self, delivery: Delivery<'_>, failure: &'static str, is_told: bool) {
        let failure = match failure {
            "" if !is_told => "acknowledgement",
            failure => failure,
        };
        let said = [self.consumer, delivery.subject, failure];
        self.durations.with(said).observe(delivery.began.elapsed());
    }

    /// Takes note of a dead letter that was written.
    pub(super) fn buried(&self, reason: &'static str) {
        self.dead_letters.with([self.consumer, reason]).increment();
    }
}

impl Delivery<'_> {
    /// Why it had no effect; empty if it had.
    pub(super) const fn failure(self, outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Done => "",
            Outcome::GivenBack => "unavailable",
            Outcome::DeadLetter(_) if !self.is_readable => "unreadable",
            Outcome::DeadLetter(Failure::Fatal(_)) => "fatal",
            Outcome::Retry { .. } | Outcome::DeadLetter(_) => "retry",
        }
    }

    /// Why it became a dead letter, if it did.
    pub(super) const fn burial(self, outcome: &Outcome) -> Option<&'static str> {
        let Outcome::DeadLetter(failure) = outcome else {
            return None;
        };
        Some(match failure {
            _ if !self.is_readable => "unreadable",
            _ if self.is_unsurvived => "not_survived",
            Failure::Fatal(_) => "fatal",
            Failure::Retry(_) | Failure::NotBefore(_) | Failure::Unavailable(_) => "out_of_tries",
        })
    }
}

/// What is measured of a live feed. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct FeedMetrics {
    lag: Histogram,
    pub(super) resets: Counter,
    pub(super) interruptions: Counter,
}

impl FeedMetrics {
    pub(super) fn of(metrics: &Metrics) -> Self {
        Self {
            lag: metrics.histogram(&FEED_LAG),
            resets: metrics.counter(&FEED_RESETS),
            interruptions: metrics.counter(&FEED_INTERRUPTIONS),
        }
    }

    /// Takes note of an event that watchers are told of now.
    pub(super) fn told(&self, published: Timestamp) {
        self.lag.observe(Clock::system().now().since(published));
    }
}

/// Lets the outboxes of a collection be looked at, by their partial index, when metrics are read. `subjects` are those that
/// this release publishes.
pub(super) fn measure_outboxes(
    collection: Collection<RawDocumentBuf>,
    name: &str,
    subjects: &[Subject],
    metrics: &Metrics,
) {
    let outboxes = Arc::new(Outboxes {
        documents: metrics.gauges(&OUTBOX_DOCUMENTS).with([name]),
        oldest: metrics.gauges(&OUTBOX_OLDEST_AGE).with([name]),
        unpublishable: metrics.gauges(&OUTBOX_UNPUBLISHABLE).with([name]),
        subjects: subjects.to_vec(),
        collection,
    });
    metrics.sample(move || {
        let outboxes = Arc::clone(&outboxes);
        async move {
            if let Err(error) = outboxes.look().await {
                tracing::debug!(%error, "outboxes not looked at");
                outboxes.documents.set_unknown();
                outboxes.oldest.set_unknown();
                outboxes.unpublishable.set_unknown();
            }
        }
    });
}

struct Outboxes {
    documents: Gauge,
    oldest: Gauge,
    unpublishable: Gauge,
    subjects: Vec<Subject>,
    collection: Collection<RawDocumentBuf>,
}

impl Outboxes {
    async fn look(&self) -> Result<(), StoreError> {
        let waiting = with_entry(publishable(&self.subjects));
        let documents = self.collection.count(waiting.clone(), MOST_COUNTED).await?;
        let now = Clock::system().now();
        let recent = to_date_time(now.minus(ANOTHER_MAY_PUBLISH));
        let left = with_entry(unpublishable(&self.subjects, recent));
        let left = self.collection.count(left, MOST_COUNTED).await?;
        if left > 0 {
            let collection = self.collection.name();
            tracing::warn!(
                collection,
                documents = left,
                "outboxes hold events that this release cannot publish"
            );
        }
        let age = self.oldest(waiting).await?.map(|time| now.since(time));
        let number = |count| usize::try_from(count).unwrap_or(usize::MAX);
        self.documents.set_number(number(documents));
        self.unpublishable.set_number(number(left));
        self.oldest.set(age.unwrap_or_default().as_secs_f64());
        Ok(())
    }

    /// When the oldest event was written that waits in these documents and can be published.
    async fn oldest(&self, waiting: Document) -> Result<Option<Timestamp>, StoreError> {
        let oldest = Find::matching(waiting)
            .sort(doc! { "outbox.time": 1 })
            .project(doc! { "outbox": 1 })
            .limit(1);
        let oldest = self.collection.with_type::<Waiting>().find(oldest).await?;
        let entries = oldest.iter().flat_map(Waiting::readable);
        let times = entries.filter_map(|entry| {
            let mut subjects = self.subjects.iter();
            let is_known = subjects.any(|subject| subject.as_str() == entry.subject);
            is_known.then(|| entry.time.timestamp_millis())
        });
        Ok(times.min().map(Timestamp::from_milliseconds))
    }
}

/// Matches documents with such an entry in their outbox. The first condition is for the index.
fn with_entry(entry: Document) -> Document {
    doc! { "outbox.time": { "$exists": true }, "outbox": { "$elemMatch": entry } }
}
