//! Metrics of events: their lag, their redeliveries, and the events that wait in outboxes.

pub(crate) mod catalogue;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::connection::State;
use base::clock::Clock;
use bson::{Document, RawDocumentBuf, doc};
use common::{Subject, Timestamp};
use mongo::{Collection, Find, StoreError, to_date_time};
use telemetry::metrics::{Counter, Counters, Gauge, Histogram, Histograms, Metrics};

use super::broker::BrokerError;
use super::consumer::Failure;
use super::outbox::{Waiting, publishable, unpublishable};
use super::trace::Outcome;
use catalogue::{
    BROKER_CONNECTED, CONSUMER_INTERRUPTIONS, DEAD_LETTERS, EVENT_APPLY_LAG, FEED_INTERRUPTIONS,
    FEED_LAG, FEED_RESETS, MESSAGING_PROCESS_DURATION, MESSAGING_PUBLISH_DURATION,
    OUTBOX_DOCUMENTS, OUTBOX_OLDEST_AGE, OUTBOX_UNPUBLISHABLE, REDELIVERIES,
};

/// The limit up to which documents with waiting events are counted: enough to detect an outage, and cheap to count.
const COUNT_LIMIT: u64 = 10_000;

/// How long an event that this release cannot publish is not reported: another release that runs at the same time may
/// publish it.
const UNPUBLISHABLE_AGE: Duration = Duration::from_secs(30);

/// The metrics of a connection to the broker. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct BrokerMetrics {
    pub(super) metrics: Metrics,
    publications: Histograms<2>,
}

impl BrokerMetrics {
    pub(super) const fn none() -> Self {
        Self {
            metrics: Metrics::none(),
            publications: Histograms::absent(),
        }
    }

    pub(super) fn of(client: &Client, metrics: &Metrics) -> Self {
        let (connected, client) = (metrics.gauge(&BROKER_CONNECTED), client.clone());
        metrics.on_scrape(move || {
            let is_connected = client.connection_state() == State::Connected;
            connected.set(f64::from(is_connected));
        });
        Self {
            metrics: metrics.clone(),
            publications: metrics.histograms(&MESSAGING_PUBLISH_DURATION),
        }
    }

    /// Measures how long the publication of an event takes.
    pub(super) async fn time_publication(
        &self,
        subject: Subject,
        publication: impl Future<Output = Result<(), BrokerError>>,
    ) -> Result<(), BrokerError> {
        let began = Instant::now();
        let result = publication.await;
        let failure = match &result {
            Ok(()) => "",
            Err(BrokerError::Timeout) => "timeout",
            Err(_) => "error",
        };
        let labels = [subject.as_str(), failure];
        self.publications.with(labels).observe(began.elapsed());
        result
    }
}

/// The metrics of a consumer.
#[derive(Debug)]
pub(super) struct ConsumerMetrics {
    consumer: &'static str,
    durations: Histograms<3>,
    lags: Histograms<2>,
    redeliveries: Counters<2>,
    dead_letters: Counters<2>,
    pub(super) interruptions: Counter,
}

/// A delivery to a consumer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) subject: &'a str,
    pub(super) began: Instant,
    pub(super) is_readable: bool,
    pub(super) is_redelivery: bool,
    /// Whether the event was delivered more often than it may be tried.
    pub(super) exceeds_tries: bool,
}

impl ConsumerMetrics {
    pub(super) fn of(consumer: &'static str, metrics: &Metrics) -> Self {
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

    /// Records the outcome of a delivery whose event was written `lag` ago.
    pub(super) fn handled(&self, delivery: Delivery<'_>, outcome: &Outcome, lag: Option<Duration>) {
        let labels = [self.consumer, delivery.subject];
        if delivery.is_redelivery {
            self.redeliveries.with(labels).increment();
        }
        if let (Outcome::Done, Some(lag)) = (outcome, lag) {
            self.lags.with(labels).observe(lag);
        }
    }

    /// Records the duration of a delivery. `failure` says why the event had no effect.
    pub(super) fn processed(
        &self,
        delivery: Delivery<'_>,
        failure: &'static str,
        is_acknowledged: bool,
    ) {
        let failure = match failure {
            "" if !is_acknowledged => "acknowledgement",
            failure => failure,
        };
        let labels = [self.consumer, delivery.subject, failure];
        let duration = delivery.began.elapsed();
        self.durations.with(labels).observe(duration);
    }

    /// Counts a dead letter.
    pub(super) fn dead_letter_written(&self, reason: &'static str) {
        self.dead_letters.with([self.consumer, reason]).increment();
    }
}

impl Delivery<'_> {
    /// Why the event had no effect; empty if it had one.
    pub(super) const fn failure(self, outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Done => "",
            Outcome::Released => "unavailable",
            Outcome::DeadLetter(_) if !self.is_readable => "unreadable",
            Outcome::DeadLetter(Failure::Fatal(_)) => "fatal",
            Outcome::Retry { .. } | Outcome::DeadLetter(_) => "retry",
        }
    }

    /// Why the event became a dead letter, if it did.
    pub(super) const fn dead_letter_reason(self, outcome: &Outcome) -> Option<&'static str> {
        let Outcome::DeadLetter(failure) = outcome else {
            return None;
        };
        Some(match failure {
            _ if !self.is_readable => "unreadable",
            _ if self.exceeds_tries => "not_survived",
            Failure::Fatal(_) => "fatal",
            Failure::Retry(_) | Failure::NotBefore(_) | Failure::Unavailable(_) => "out_of_tries",
        })
    }
}

/// The metrics of a live feed. Clones share them.
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

    /// Records the lag of an event that is delivered to watchers now.
    pub(super) fn delivered(&self, published: Timestamp) {
        self.lag.observe(Clock::system().now().since(published));
    }
}

/// Samples the outboxes of a collection, through their partial index, whenever metrics are read. `subjects` are those
/// that this release publishes.
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
            if let Err(error) = outboxes.sample().await {
                tracing::debug!(%error, "outboxes not sampled");
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
    async fn sample(&self) -> Result<(), StoreError> {
        let waiting = with_entry(publishable(&self.subjects));
        let documents = self.collection.count(waiting.clone(), COUNT_LIMIT).await?;
        let now = Clock::system().now();
        let recent = to_date_time(now.minus(UNPUBLISHABLE_AGE));
        let filter = with_entry(unpublishable(&self.subjects, recent));
        let unpublishable = self.collection.count(filter, COUNT_LIMIT).await?;
        if unpublishable > 0 {
            let collection = self.collection.name();
            tracing::warn!(
                collection,
                documents = unpublishable,
                "outboxes hold events that this release cannot publish"
            );
        }
        let age = self.oldest(waiting).await?.map(|time| now.since(time));
        let number = |count| usize::try_from(count).unwrap_or(usize::MAX);
        self.documents.set_number(number(documents));
        self.unpublishable.set_number(number(unpublishable));
        self.oldest.set(age.unwrap_or_default().as_secs_f64());
        Ok(())
    }

    /// When the oldest publishable event in these documents was written.
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

/// A filter for documents with such an entry in their outbox. The first condition uses the index.
fn with_entry(entry: Document) -> Document {
    doc! { "outbox.time": { "$exists": true }, "outbox": { "$elemMatch": entry } }
}
