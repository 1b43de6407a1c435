//! The broker: what was told, what consumers have still to do, and what they gave up.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, ContextBuilder};
use async_nats::jetstream::stream::{Info, Stream as NatsStream};
use async_nats::jetstream::{self, Message};
use futures::StreamExt;
use tokio::time::timeout;

use crate::checker::snapshot::{Backlog, DeadLetter, Told};

/// The queue groups, each of which must hear of everything.
const GROUPS: [&str; 4] = [
    "expiration-service",
    "orders-service",
    "payments-service",
    "tickets-service",
];

const EVENTS: &str = "ticketing";
const DEAD_LETTERS: &str = "ticketing-dead-letters";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the next event of a stream may take, all of which is read only once.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How many dead letters are read; one is too many.
const LETTERS: u64 = 50;

#[derive(Debug, Clone)]
pub(crate) struct BrokerSource {
    jetstream: jetstream::Context,
}

/// A stream and how far it has come. One that was made anew has another birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamSize {
    /// Nanoseconds since 1970.
    pub(crate) born: i128,
    /// How many messages were ever in it.
    pub(crate) last: u64,
}

impl BrokerSource {
    pub(super) async fn connect(url: &str) -> Result<Self> {
        let client = ConnectOptions::new()
            .name("checker")
            .max_reconnects(None)
            .connection_timeout(PATIENCE)
            .reconnect_delay_callback(|_| Duration::from_millis(200))
            .connect(url);
        let client = client.await.context("NATS")?;
        let jetstream = ContextBuilder::new().timeout(PATIENCE).build(client);
        Ok(Self { jetstream })
    }

    /// How far the events have come, and the dead letters.
    pub(crate) async fn sizes(&self) -> Result<(StreamSize, StreamSize)> {
        let (events, letters) = tokio::try_join!(self.stream(EVENTS), self.stream(DEAD_LETTERS))?;
        Ok((size(events.cached_info()), size(letters.cached_info())))
    }

    pub(super) async fn backlogs(&self) -> Result<BTreeMap<&'static str, Option<Backlog>>> {
        let stream = self.stream(EVENTS).await?;
        let mut backlogs = BTreeMap::new();
        for group in GROUPS {
            let backlog = match stream.consumer_info(group).await {
                Ok(info) => Some(Backlog {
                    waiting: info.num_pending,
                    unacknowledged: info.num_ack_pending,
                }),
                Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => None,
                Err(error) => return Err(anyhow!(error).context(group)),
            };
            backlogs.insert(group, backlog);
        }
        Ok(backlogs)
    }

    pub(super) async fn dead_letters(&self) -> Result<Vec<DeadLetter>> {
        let stream = self.stream(DEAD_LETTERS).await?;
        let state = &stream.cached_info().state;
        let mut letters = Vec::new();
        if state.messages == 0 {
            return Ok(letters);
        }
        for sequence in (state.first_sequence..=state.last_sequence).take(LETTERS.try_into()?) {
            // One that is gone was discarded by somebody.
            let Ok(letter) = stream.get_raw_message(sequence).await else {
                continue;
            };
            let header = |name: &str| {
                let value = letter.headers.get(name);
                value.map(ToString::to_string).unwrap_or_default()
            };
            letters.push(DeadLetter {
                consumer: header("dead-letter-consumer"),
                subject: header("dead-letter-subject"),
                reason: header("dead-letter-reason"),
                body: String::from_utf8_lossy(&letter.payload).into_owned(),
            });
        }
        Ok(letters)
    }

    /// All events that are in the stream now.
    pub(crate) async fn events(&self) -> Result<Vec<Told>> {
        let stream = self.stream(EVENTS).await?;
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::All,
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.context(EVENTS)?;
        let mut more = consumer.cached_info().num_pending > 0;
        let mut messages = consumer.messages().await.context(EVENTS)?;
        let mut events = Vec::new();
        while more {
            let next = timeout(LONGEST_PAUSE, messages.next())
                .await
                .context(EVENTS)?;
            let message = next.context("the stream broke off")?.context(EVENTS)?;
            let (event, behind) = read(&message)?;
            more = behind > 0;
            events.push(event);
        }
        Ok(events)
    }

    async fn stream(&self, name: &str) -> Result<NatsStream> {
        let stream = self.jetstream.get_stream(name).await;
        stream.with_context(|| format!("stream {name}"))
    }
}

fn size(info: &Info) -> StreamSize {
    StreamSize {
        born: info.created.unix_timestamp_nanos(),
        last: info.state.last_sequence,
    }
}

/// The event, and how many are behind it.
fn read(message: &Message) -> Result<(Told, u64)> {
    let info = message.info().map_err(|error| anyhow!(error))?;
    let event = Told {
        sequence: info.stream_sequence,
        subject: message.subject.to_string(),
        body: serde_json::from_slice(&message.payload).unwrap_or_default(),
    };
    Ok((event, info.pending))
}
