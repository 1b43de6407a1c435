//! Reads the broker: events, the backlogs of consumers, and dead letters.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::{Info, Stream as NatsStream};
use async_nats::jetstream::{self, Message};
use common::Timestamp;
use futures::StreamExt;
use tokio::time::timeout;

use crate::access::{BrokerAccess, QUEUE_GROUPS};
use crate::snapshot::{Backlog, Backlogs, DeadLetter, RawEvent, StreamEvent};

/// How long the next event of a stream may take.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How many dead letters are read. A sound fleet has none.
const DEAD_LETTERS: u64 = 50;

#[derive(Debug, Clone)]
pub(crate) struct BrokerSource {
    jetstream: jetstream::Context,
    access: BrokerAccess,
}

/// The size of a stream. A stream that was created anew has another creation time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamSize {
    /// Nanoseconds since 1970.
    pub(crate) created: i128,
    /// The sequence number of its last message.
    pub(crate) last: u64,
}

/// The range of events in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The sequence numbers of the first and the last event.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) events: u64,
    /// When the first event was stored.
    pub(crate) since: Timestamp,
}

impl BrokerSource {
    pub(super) async fn connect(access: &BrokerAccess) -> Result<Self> {
        Ok(Self {
            jetstream: access.connect("audit").await?,
            access: access.clone(),
        })
    }

    /// The sizes of the streams of events and of dead letters.
    pub(crate) async fn sizes(&self) -> Result<(StreamSize, StreamSize)> {
        let letters = self.access.dead_letter_stream();
        let (events, letters) = tokio::try_join!(self.events_stream(), self.stream(&letters))?;
        Ok((size(events.cached_info()), size(letters.cached_info())))
    }

    /// The present range of events.
    pub(crate) async fn extent(&self) -> Result<Extent> {
        let stream = self.events_stream().await?;
        let state = &stream.cached_info().state;
        let nanoseconds = state.first_timestamp.unix_timestamp_nanos();
        let milliseconds = i64::try_from(nanoseconds / 1_000_000).unwrap_or(i64::MAX);
        Ok(Extent {
            first: state.first_sequence,
            last: state.last_sequence,
            events: state.messages,
            since: Timestamp::from_milliseconds(milliseconds),
        })
    }

    pub(crate) async fn backlogs(&self) -> Result<Backlogs> {
        let stream = self.events_stream().await?;
        let mut backlogs = Backlogs::new();
        for group in QUEUE_GROUPS {
            let backlog = match stream.consumer_info(group).await {
                Ok(info) => Some(Backlog {
                    waiting: info.num_pending,
                    unacknowledged: info.num_ack_pending,
                    done: info.ack_floor.stream_sequence,
                }),
                Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => None,
                Err(error) => return Err(anyhow!(error).context(group)),
            };
            backlogs.insert(group, backlog);
        }
        Ok(backlogs)
    }

    pub(crate) async fn dead_letters(&self) -> Result<Vec<DeadLetter>> {
        let stream = self.stream(&self.access.dead_letter_stream()).await?;
        let state = &stream.cached_info().state;
        let mut letters = Vec::new();
        if state.messages == 0 {
            return Ok(letters);
        }
        for sequence in (state.first_sequence..=state.last_sequence).take(DEAD_LETTERS.try_into()?)
        {
            // A missing one was discarded meanwhile.
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

    /// All events in the stream.
    pub(crate) async fn events(&self) -> Result<Vec<StreamEvent>> {
        let mut events = Vec::new();
        self.each_event(0, |raw| events.push(raw.parse())).await?;
        Ok(events)
    }

    /// Passes each event after this sequence number to `take`; returns the last sequence number.
    pub(crate) async fn each_event(
        &self,
        after: u64,
        mut take: impl FnMut(RawEvent) + Send,
    ) -> Result<u64> {
        let stream = self.events_stream().await?;
        if stream.cached_info().state.last_sequence <= after {
            return Ok(after);
        }
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            },
            ..pull::OrderedConfig::default()
        };
        let name = &self.access.stream;
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.context("a consumer of events")?;
        let mut more = consumer.cached_info().num_pending > 0;
        let mut messages = consumer.messages().await.context("events")?;
        let mut last = after;
        while more {
            let next = timeout(LONGEST_PAUSE, messages.next()).await;
            let next = next.with_context(|| format!("{name} sent no further event in time"))?;
            let message = next.context("the stream ended early")?.context("events")?;
            let (event, behind) = self.read(&message)?;
            more = behind > 0;
            last = event.sequence;
            take(event);
        }
        Ok(last)
    }

    /// The event, and the number of events after it.
    fn read(&self, message: &Message) -> Result<(RawEvent, u64)> {
        let info = message.info().map_err(|error| anyhow!(error))?;
        let event = RawEvent {
            sequence: info.stream_sequence,
            subject: self.access.without_prefix(&message.subject).to_owned(),
            payload: message.payload.to_vec(),
        };
        Ok((event, info.pending))
    }

    async fn events_stream(&self) -> Result<NatsStream> {
        self.stream(&self.access.stream).await
    }

    async fn stream(&self, name: &str) -> Result<NatsStream> {
        let stream = self.jetstream.get_stream(name).await;
        stream.with_context(|| format!("stream {name}"))
    }
}

fn size(info: &Info) -> StreamSize {
    StreamSize {
        created: info.created.unix_timestamp_nanos(),
        last: info.state.last_sequence,
    }
}
