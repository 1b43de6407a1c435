//! Reads the history of events.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::{Message, stream};
use common::{Event, Subject};
use futures::StreamExt;
use messaging::{Broker, Position};
use telemetry::metrics::Counter;
use tokio::time::timeout;

use super::SUBJECTS;
use crate::metrics::catalogue::EXPIRATION_HISTORY_EVENTS;

/// The longest pause between two events that are in the stream.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The events in the stream of a broker.
#[derive(Debug, Clone)]
pub(super) struct History {
    broker: Broker,
    subjects: Vec<(String, Subject)>,
    events_read: Counter,
}

/// How far the stream reaches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// When the stream was created, in nanoseconds since 1970.
    pub(super) stream: i128,
    /// Where its last event is.
    pub(super) last: Position,
}

/// The broker did not send the history.
#[derive(Debug, thiserror::Error)]
#[error("event stream: {0}")]
pub(super) struct HistoryError(String);

impl HistoryError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl History {
    pub(super) fn new(broker: Broker) -> Self {
        let subjects = SUBJECTS.iter().copied();
        Self {
            subjects: subjects
                .map(|subject| (broker.subject(subject), subject))
                .collect(),
            events_read: broker.metrics().counter(&EXPIRATION_HISTORY_EVENTS),
            broker,
        }
    }

    /// How far the stream reaches now.
    pub(super) async fn extent(&self) -> Result<Extent, HistoryError> {
        let stream = self.broker.jetstream().get_stream(self.broker.stream());
        let stream = stream.await.map_err(HistoryError::new)?;
        let info = stream.cached_info();
        Ok(Extent {
            stream: info.created.unix_timestamp_nanos(),
            last: Position::of_last(&info.state),
        })
    }

    /// Reads the events from the number `first` to the number `last`.
    pub(super) async fn read(
        &self,
        first: u64,
        last: u64,
        mut take: impl FnMut(u64, &Event) + Send,
    ) -> Result<(), HistoryError> {
        let stream = self
            .broker
            .jetstream()
            .get_stream_no_info(self.broker.stream());
        let stream = stream.await.map_err(HistoryError::new)?;
        let (name, waiting, mut messages) = self.messages(&stream, first).await?;
        let mut more = waiting > 0;
        while more {
            let next = timeout(LONGEST_PAUSE, messages.next()).await;
            let next = next.map_err(HistoryError::new)?;
            let message = next.ok_or_else(|| HistoryError::new("the history broke off"))?;
            let message = message.map_err(HistoryError::new)?;
            let info = message.info().map_err(HistoryError::new)?;
            let sequence = info.stream_sequence;
            more = info.pending > 0 && sequence < last;
            self.events_read.increment();
            if let Some(event) = self.event(&message) {
                take(sequence, &event);
            } else {
                tracing::warn!(sequence, "unreadable event skipped");
            }
        }
        drop(messages);
        if let Err(error) = stream.delete_consumer(&name).await {
            tracing::debug!(%error, "consumer not deleted, the broker drops it when it is idle");
        }
        Ok(())
    }

    /// A consumer's name, how many events it will deliver, and these events.
    async fn messages<I>(
        &self,
        stream: &stream::Stream<I>,
        first: u64,
    ) -> Result<(String, u64, pull::Ordered), HistoryError> {
        // Without a name, the request's subject is one that covers the consumers of all services.
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
        let waiting = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(HistoryError::new)?;
        Ok((name, waiting, messages))
    }

    fn event(&self, message: &Message) -> Option<Event> {
        let mut subjects = self.subjects.iter();
        let (_, subject) = subjects.find(|(subject, _)| *subject == *message.subject)?;
        Event::from_json(*subject, &message.payload).ok()
    }
}
