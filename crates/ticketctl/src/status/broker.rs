//! The streams, and the backlog of each consumer.

use std::time::Duration;

use anyhow::{Context, anyhow};
use async_nats::jetstream::consumer::Info as ConsumerInfo;
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::{Info, Stream};
use audit::access::{QUEUE_GROUPS, now};
use serde::Serialize;

use crate::connections::Connections;
use crate::events::timestamp;
use crate::failure::Failure;

/// The state of the broker.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) streams: Vec<ShownStream>,
    pub(super) consumers: Vec<ShownConsumer>,
    pub(super) dead_letters: u64,
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownStream {
    pub(super) name: String,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) first_sequence: u64,
    pub(super) last_sequence: u64,
    pub(super) replicas: usize,
}

/// A queue group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownConsumer {
    pub(super) name: &'static str,
    /// Whether the broker has it.
    pub(super) exists: bool,
    /// Events that are not yet delivered.
    pub(super) waiting: u64,
    /// Events that are delivered and not yet acknowledged.
    pub(super) in_hand: usize,
    /// How many of these were delivered more than once.
    pub(super) redelivered: usize,
    /// All events up to this sequence number are acknowledged.
    pub(super) done_up_to: u64,
    /// The age of the oldest event that is not yet acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lag_milliseconds: Option<u64>,
}

pub(super) async fn read(connections: &Connections) -> Result<Broker, Failure> {
    let (access, jetstream) = connections.jetstream().await?;
    let stream = async |name: &str| {
        let stream = jetstream.get_stream(name).await;
        stream.with_context(|| format!("no stream {name} at the broker; is NATS_CLUSTER_ID right?"))
    };
    let events = stream(&access.stream).await?;
    let letters = stream(&access.dead_letter_stream()).await?;
    let mut consumers = Vec::new();
    for name in QUEUE_GROUPS {
        consumers.push(consumer(&events, name).await?);
    }
    Ok(Broker {
        streams: vec![shown(events.cached_info()), shown(letters.cached_info())],
        consumers,
        dead_letters: letters.cached_info().state.messages,
    })
}

fn shown(info: &Info) -> ShownStream {
    ShownStream {
        name: info.config.name.clone(),
        messages: info.state.messages,
        bytes: info.state.bytes,
        first_sequence: info.state.first_sequence,
        last_sequence: info.state.last_sequence,
        replicas: info.config.num_replicas,
    }
}

async fn consumer(stream: &Stream, name: &'static str) -> Result<ShownConsumer, Failure> {
    let absent = ShownConsumer {
        name,
        exists: false,
        waiting: 0,
        in_hand: 0,
        redelivered: 0,
        done_up_to: 0,
        lag_milliseconds: None,
    };
    match stream.consumer_info(name).await {
        Ok(info) => Ok(ShownConsumer {
            exists: true,
            waiting: info.num_pending,
            in_hand: info.num_ack_pending,
            redelivered: info.num_redelivered,
            done_up_to: info.ack_floor.stream_sequence,
            lag_milliseconds: lag(stream, &info).await,
            ..absent
        }),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(absent),
        Err(error) => Err(anyhow!(error).context(name).into()),
    }
}

/// The age of the oldest event that is not yet acknowledged: the first after the floor under any subject of the
/// consumer.
async fn lag(stream: &Stream, info: &ConsumerInfo) -> Option<u64> {
    if info.num_pending == 0 && info.num_ack_pending == 0 {
        return Some(0);
    }
    let after = info.ack_floor.stream_sequence + 1;
    let mut oldest = None;
    for subject in &info.config.filter_subjects {
        // A subject that cannot be read is ignored.
        if let Ok(message) = stream
            .get_first_raw_message_by_subject(subject, after)
            .await
        {
            let time = timestamp(message.time);
            oldest = Some(oldest.map_or(time, |oldest| time.min(oldest)));
        }
    }
    let age: Duration = now().since(oldest?);
    u64::try_from(age.as_millis()).ok()
}
