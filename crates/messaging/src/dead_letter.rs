//! Dead letters: events that could not be handled, stored with the reason. `ticketctl` shows and replays them.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::message::PublishMessage;
use futures::StreamExt;
use tokio::time::timeout;

use super::broker::{Broker, BrokerError};

const REASON: &str = "dead-letter-reason";
const CONSUMER: &str = "dead-letter-consumer";
const SUBJECT: &str = "dead-letter-subject";
const SEQUENCE: &str = "dead-letter-sequence";
const DELIVERIES: &str = "dead-letter-deliveries";

/// An event that a consumer gave up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its sequence number in the dead-letter stream.
    pub sequence: u64,
    /// The queue group that gave up.
    pub consumer: String,
    /// The event's subject.
    pub subject: String,
    /// Why it could not be handled.
    pub reason: String,
    /// The event's body, which may be unreadable.
    pub body: Vec<u8>,
}

/// The dead-letter stream.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    broker: Broker,
}

impl DeadLetters {
    /// The dead letters of this broker's fleet.
    #[must_use]
    pub const fn new(broker: Broker) -> Self {
        Self { broker }
    }

    pub(super) async fn write(
        &self,
        consumer: &str,
        message: &Message,
        deliveries: u64,
        reason: &str,
    ) -> Result<(), BrokerError> {
        let mut headers = message.headers.clone().unwrap_or_default();
        let sequence = message.info().map_or(0, |info| info.stream_sequence);
        // A header has no line breaks.
        headers.insert(REASON, reason.replace(['\r', '\n'], " ").as_str());
        headers.insert(CONSUMER, consumer);
        headers.insert(SUBJECT, self.broker.without_prefix(&message.subject));
        headers.insert(SEQUENCE, sequence.to_string().as_str());
        headers.insert(DELIVERIES, deliveries.to_string().as_str());
        // The id deduplicates retries of this write: one dead letter per event and consumer.
        let publish = PublishMessage::build()
            .headers(headers)
            .message_id(format!("dead-{consumer}-{sequence}"))
            .payload(message.payload.clone());
        let subject = self.broker.dead_letter_subject(consumer, &message.subject);
        self.broker.publish_message(subject, publish).await
    }

    /// The oldest dead letters, at most `limit`.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        let stream = self
            .broker
            .jetstream()
            .get_stream(self.broker.dead_letter_stream())
            .await
            .map_err(read_error)?;
        let waiting = usize::try_from(stream.cached_info().state.messages).unwrap_or(usize::MAX);
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::All,
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(read_error)?;
        let mut messages = consumer.messages().await.map_err(read_error)?;
        let mut letters = Vec::new();
        while letters.len() < limit.min(waiting) {
            let next = timeout(Duration::from_secs(2), messages.next()).await;
            match next {
                Ok(Some(message)) => letters.push(read(&message.map_err(read_error)?)),
                // The rest was discarded concurrently.
                Ok(None) | Err(_) => break,
            }
        }
        Ok(letters)
    }

    /// Deletes the dead letter.
    pub async fn discard(&self, letter: &DeadLetter) -> Result<(), BrokerError> {
        let stream = self.broker.dead_letter_stream();
        let stream = self.broker.jetstream().get_stream(stream).await;
        let stream = stream.map_err(read_error)?;
        stream
            .delete_message(letter.sequence)
            .await
            .map_err(read_error)?;
        Ok(())
    }
}

fn read(message: &Message) -> DeadLetter {
    let header = |name: &str| {
        message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(name))
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    DeadLetter {
        sequence: message.info().map_or(0, |info| info.stream_sequence),
        consumer: header(CONSUMER),
        subject: header(SUBJECT),
        reason: header(REASON),
        body: message.payload.to_vec(),
    }
}

fn read_error(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Consumer(error.to_string())
}
