//! Reads the event history from the broker's stream.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::{Message, stream};
use common::{Event, Subject};
use futures::StreamExt;
use messaging::{Broker, Position};
use telemetry::metrics::Counter;
use tokio::time::timeout;

use crate::metrics::catalogue::EXPIRATION_HISTORY_EVENTS;

/// How long to wait for the next event.
const EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The history of some subjects in the broker's stream.
#[derive(Debug, Clone)]
pub(super) struct History {
    broker: Broker,
    subjects: Vec<(String, Subject)>,
    events_read: Counter,
}

/// The identity and the end of the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// When the stream was created, in nanoseconds since 1970.
    pub(super) stream: i128,
    /// The position of its last event.
    pub(super) last: Position,
}

/// The history could not be read.
#[derive(Debug, thiserror::Error)]
#[error("event stream: {0}")]
pub(super) struct HistoryError(String);

impl HistoryError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl History {
    pub(super) fn new(broker: Broker, subjects: &[Subject]) -> Self {
        let subjects = subjects.iter().copied();
        Self {
            subjects: subjects
                .map(|subject| (broker.subject(subject), subject))
                .collect(),
            events_read: broker.metrics().counter(&EXPIRATION_HISTORY_EVENTS),
            broker,
        }
    }

    /// The stream's current extent.
    pub(super) async fn extent(&self) -> Result<Extent, HistoryError> {
        let stream = self.broker.jetstream().get_stream(self.broker.stream());
        let stream = stream.await.map_err(HistoryError::new)?;
        let info = stream.cached_info();
        Ok(Extent {
            stream: info.created.unix_timestamp_nanos(),
            last: Position::of_last(&info.state),
        })
    }

    /// Passes each event from sequence number `first` to `last` to `apply`.
    pub(super) async fn read(
        &self,
        first: u64,
        last: u64,
        mut apply: impl FnMut(u64, &Event) + Send,
    ) -> Result<(), HistoryError> {
        let stream = self
            .broker
            .jetstream()
            .get_stream_no_info(self.broker.stream());
        let stream = stream.await.map_err(HistoryError::new)?;
        let (name, pending, mut messages) = self.messages(&stream, first).await?;
        let mut more = pending > 0;
        while more {
            let next = timeout(EVENT_TIMEOUT, messages.next()).await;
            let next = next.map_err(HistoryError::new)?;
            let message = next.ok_or_else(|| HistoryError::new("the subscription ended"))?;
            let message = message.map_err(HistoryError::new)?;
            let info = message.info().map_err(HistoryError::new)?;
            let sequence = info.stream_sequence;
            more = info.pending > 0 && sequence < last;
            self.events_read.increment();
            if let Some(event) = self.event(&message) {
                apply(sequence, &event);
            } else {
                tracing::warn!(sequence, "unreadable event skipped");
            }
        }
        drop(messages);
        if let Err(error) = stream.delete_consumer(&name).await {
            tracing::debug!(%error, "consumer not deleted, the broker deletes it once it is idle");
        }
        Ok(())
    }

    /// Creates a consumer. Returns its name, the number of events it will deliver, and these events.
    async fn messages<I>(
        &self,
        stream: &stream::Stream<I>,
        first: u64,
    ) -> Result<(String, u64, pull::Ordered), HistoryError> {
        // The broker's permissions are by consumer name: creating one without a name would need a right to all
        // consumers.
        let name = format!("history-{:016x}", rand::random::<u64>());
        let subjects = self.subjects.iter();
        let config = pull::OrderedConfig {
            name: Some(name.clone()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: first,
            },
            filter_subjects: subjects.map(|(subject, _)| subject.clone()).collect(),
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(HistoryError::new)?;
        let pending = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(HistoryError::new)?;
        Ok((name, pending, messages))
    }

    fn event(&self, message: &Message) -> Option<Event> {
        let mut subjects = self.subjects.iter();
        let (_, subject) = subjects.find(|(subject, _)| *subject == *message.subject)?;
        Event::from_json(*subject, &message.payload).ok()
    }
}
