//! The stream of dead letters.

use std::time::Duration;

use anyhow::{Context, anyhow};
use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use audit::BrokerAccess;
use common::{Subject, Timestamp};
use serde::Serialize;
use tokio::time::timeout;

use crate::connections::Connections;
use crate::events::{StreamEvent, timestamp};
use crate::failure::Failure;

/// The prefix of the headers that are added to the event's own.
const OURS: &str = "dead-letter-";
const REASON: &str = "dead-letter-reason";
const CONSUMER: &str = "dead-letter-consumer";
const SUBJECT: &str = "dead-letter-subject";
const SEQUENCE: &str = "dead-letter-sequence";
const DELIVERIES: &str = "dead-letter-deliveries";

/// How long the broker may take to store an event.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An event that a consumer gave up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter {
    pub(crate) number: u64,
    pub(crate) given_up_at: Timestamp,
    pub(crate) consumer: String,
    pub(crate) reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tries: Option<u64>,
    pub(crate) event: StreamEvent,
    #[serde(skip)]
    headers: HeaderMap,
    #[serde(skip)]
    payload: Vec<u8>,
}

/// The stream of a fleet's dead letters.
pub(crate) struct DeadLetterStream {
    access: BrokerAccess,
    jetstream: jetstream::Context,
    stream: Stream,
}

impl DeadLetterStream {
    pub(crate) async fn open(connections: &Connections) -> Result<Self, Failure> {
        let (access, jetstream) = connections.jetstream().await?;
        let name = access.dead_letter_stream();
        let stream = jetstream.get_stream(&name).await;
        let stream = stream.with_context(|| {
            format!("no stream {name} at the broker; is NATS_CLUSTER_ID right?")
        })?;
        Ok(Self {
            access,
            jetstream,
            stream,
        })
    }

    /// The number of dead letters.
    pub(crate) fn count(&self) -> u64 {
        self.stream.cached_info().state.messages
    }

    /// The oldest dead letters, and the number of further ones.
    pub(crate) async fn oldest(&self, limit: usize) -> Result<(Vec<DeadLetter>, u64), Failure> {
        let mut found = Vec::new();
        let mut next = self.stream.cached_info().state.first_sequence;
        while found.len() < limit {
            let Some(letter) = self.from(next).await? else {
                break;
            };
            next = letter.number + 1;
            found.push(letter);
        }
        let shown = u64::try_from(found.len()).unwrap_or(u64::MAX);
        Ok((found, self.count().saturating_sub(shown)))
    }

    /// The numbers of all dead letters.
    pub(crate) async fn numbers(&self) -> Result<Vec<u64>, Failure> {
        let mut numbers = Vec::new();
        let mut next = self.stream.cached_info().state.first_sequence;
        while let Some(letter) = self.from(next).await? {
            next = letter.number + 1;
            numbers.push(letter.number);
        }
        Ok(numbers)
    }

    /// The dead letter of this number.
    pub(crate) async fn find(&self, number: u64) -> Result<Option<DeadLetter>, Failure> {
        match self.stream.get_raw_message(number).await {
            Ok(message) => Ok(Some(self.read(message))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(anyhow!("dead letter {number}: {error}").into()),
        }
    }

    /// The first dead letter from this number on.
    async fn from(&self, number: u64) -> Result<Option<DeadLetter>, Failure> {
        let subject = format!("{}dead-letter.>", self.access.subject_prefix);
        let next = self
            .stream
            .get_first_raw_message_by_subject(&subject, number)
            .await;
        match next {
            Ok(message) => Ok(Some(self.read(message))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(anyhow!("dead letters from {number} on: {error}").into()),
        }
    }

    fn read(&self, message: StreamMessage) -> DeadLetter {
        let given_up_at = timestamp(message.time);
        let headers = message.headers;
        let header = |name: &str| headers.get(name).map(ToString::to_string);
        let number = |name: &str| header(name)?.parse().ok();
        let subject = header(SUBJECT).unwrap_or_default();
        let sequence = number(SEQUENCE).unwrap_or_default();
        let subject = self.access.without_prefix(&subject).to_owned();
        DeadLetter {
            number: message.sequence,
            given_up_at,
            consumer: header(CONSUMER).unwrap_or_default(),
            reason: header(REASON).unwrap_or_default(),
            tries: number(DELIVERIES),
            event: StreamEvent::of(sequence, given_up_at, subject, &headers, &message.payload),
            payload: message.payload.to_vec(),
            headers,
        }
    }

    /// Publishes the event again under its subject with its own headers, and deletes the dead letter. The broker drops
    /// a second replay by its message id.
    pub(crate) async fn replay(&self, letter: &DeadLetter) -> Result<(), Failure> {
        let subject: Subject = letter.event.subject.parse().map_err(|error| {
            Failure::usage(format_args!(
                "dead letter {} cannot be replayed: {error}",
                letter.number
            ))
        })?;
        let subject = format!("{}{subject}", self.access.subject_prefix);
        let id = format!("replay-{}-{}", letter.consumer, letter.number);
        let publish = PublishMessage::build()
            .headers(of_the_event(&letter.headers))
            .payload(letter.payload.clone().into())
            .message_id(id);
        let published = async { self.jetstream.send_publish(subject, publish).await?.await };
        let published = timeout(TIMEOUT, published).await;
        published
            .context("the broker did not store the event in time")?
            .context("the broker did not store the event")?;
        self.discard(letter).await
    }

    /// Deletes the dead letter.
    pub(crate) async fn discard(&self, letter: &DeadLetter) -> Result<(), Failure> {
        let deleted = self.stream.delete_message(letter.number).await;
        deleted.with_context(|| format!("dead letter {} cannot be deleted", letter.number))?;
        Ok(())
    }
}

/// The event's own headers.
fn of_the_event(headers: &HeaderMap) -> HeaderMap {
    let mut own = HeaderMap::new();
    for (name, values) in headers.iter() {
        let text: &str = name.as_ref();
        let is_of_broker = text.to_ascii_lowercase().starts_with("nats-");
        if text.starts_with(OURS) || is_of_broker {
            continue;
        }
        for value in values {
            own.append(name.clone(), value.clone());
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replayed_event_has_its_own_headers() {
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", "a");
        headers.insert("traceparent", "00-a-b-01");
        headers.insert(REASON, "no");
        headers.insert("Nats-Msg-Id", "dead-orders-service-3");
        let own = of_the_event(&headers);
        assert_eq!(
            own.get("ce-id").map(ToString::to_string).as_deref(),
            Some("a")
        );
        assert!(own.get("traceparent").is_some());
        assert!(own.get(REASON).is_none() && own.get("Nats-Msg-Id").is_none());
    }
}
