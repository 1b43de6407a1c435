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
use crate::events::{Told, moment};
use crate::failure::Failure;

/// What the headers of a letter begin with that its event did not have.
const OURS: &str = "dead-letter-";
const REASON: &str = "dead-letter-reason";
const CONSUMER: &str = "dead-letter-consumer";
const SUBJECT: &str = "dead-letter-subject";
const SEQUENCE: &str = "dead-letter-sequence";
const DELIVERIES: &str = "dead-letter-deliveries";

/// How long the broker may take to have an event on file.
const PATIENCE: Duration = Duration::from_secs(5);

/// An event that a consumer gave up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    pub(crate) number: u64,
    pub(crate) given_up_at: Timestamp,
    pub(crate) consumer: String,
    pub(crate) reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tries: Option<u64>,
    pub(crate) event: Told,
    #[serde(skip)]
    headers: HeaderMap,
    #[serde(skip)]
    payload: Vec<u8>,
}

/// The letters of a fleet.
pub(crate) struct Letters {
    access: BrokerAccess,
    jetstream: jetstream::Context,
    stream: Stream,
}

impl Letters {
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

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.stream.cached_info().state.messages
    }

    /// The oldest, and how many more there are.
    pub(crate) async fn oldest(&self, limit: usize) -> Result<(Vec<Letter>, u64), Failure> {
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

    /// The numbers of those that there are now.
    pub(crate) async fn numbers(&self) -> Result<Vec<u64>, Failure> {
        let mut numbers = Vec::new();
        let mut next = self.stream.cached_info().state.first_sequence;
        while let Some(letter) = self.from(next).await? {
            next = letter.number + 1;
            numbers.push(letter.number);
        }
        Ok(numbers)
    }

    /// The letter of this number, if there is one.
    pub(crate) async fn find(&self, number: u64) -> Result<Option<Letter>, Failure> {
        match self.stream.get_raw_message(number).await {
            Ok(message) => Ok(Some(self.read(message))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(anyhow!("letter {number}: {error}").into()),
        }
    }

    /// The first letter from this number on.
    async fn from(&self, number: u64) -> Result<Option<Letter>, Failure> {
        let subject = format!("{}dead-letter.>", self.access.subject_prefix);
        let next = self
            .stream
            .get_first_raw_message_by_subject(&subject, number)
            .await;
        match next {
            Ok(message) => Ok(Some(self.read(message))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(anyhow!("letters from number {number}: {error}").into()),
        }
    }

    fn read(&self, message: StreamMessage) -> Letter {
        let given_up_at = moment(message.time);
        let headers = message.headers;
        let header = |name: &str| headers.get(name).map(ToString::to_string);
        let number = |name: &str| header(name)?.parse().ok();
        let subject = header(SUBJECT).unwrap_or_default();
        let sequence = number(SEQUENCE).unwrap_or_default();
        let subject = self.access.without_prefix(&subject).to_owned();
        Letter {
            number: message.sequence,
            given_up_at,
            consumer: header(CONSUMER).unwrap_or_default(),
            reason: header(REASON).unwrap_or_default(),
            tries: number(DELIVERIES),
            event: Told::of(sequence, given_up_at, subject, &headers, &message.payload),
            payload: message.payload.to_vec(),
            headers,
        }
    }

    /// Publishes the event again under its subject, to everybody, with what its headers said; then forgets the letter.
    /// Twice is once: the broker knows the id.
    pub(crate) async fn replay(&self, letter: &Letter) -> Result<(), Failure> {
        let subject: Subject = letter.event.subject.parse().map_err(|error| {
            Failure::usage(format_args!(
                "letter {} cannot be replayed: {error}",
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
        let published = timeout(PATIENCE, published).await;
        published
            .context("the broker did not take the event in time")?
            .context("the broker did not take the event")?;
        self.discard(letter).await
    }

    /// Forgets the letter.
    pub(crate) async fn discard(&self, letter: &Letter) -> Result<(), Failure> {
        let forgotten = self.stream.delete_message(letter.number).await;
        forgotten.with_context(|| format!("letter {} could not be forgotten", letter.number))?;
        Ok(())
    }
}

/// The headers that the event had before it was given up.
fn of_the_event(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in headers.iter() {
        let text: &str = name.as_ref();
        let of_the_broker = text.to_ascii_lowercase().starts_with("nats-");
        if text.starts_with(OURS) || of_the_broker {
            continue;
        }
        for value in values {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replayed_event_has_the_headers_that_it_had() {
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", "a");
        headers.insert("traceparent", "00-a-b-01");
        headers.insert(REASON, "no");
        headers.insert("Nats-Msg-Id", "dead-orders-service-3");
        let kept = of_the_event(&headers);
        assert_eq!(
            kept.get("ce-id").map(ToString::to_string).as_deref(),
            Some("a")
        );
        assert!(kept.get("traceparent").is_some());
        assert!(kept.get(REASON).is_none() && kept.get("Nats-Msg-Id").is_none());
    }
}
