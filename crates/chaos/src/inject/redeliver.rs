//! Delivers every event of the stream again, as a broker does whose deduplication has forgotten them.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result};
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::{self, stream::Stream};
use futures::TryStreamExt;
use tokio::time::{sleep, timeout};

/// The stream's name in every fleet of the test kit.
const STREAM: &str = "ticketing";

/// By it the broker knows a message that it has.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// By it everybody else knows an event.
const EVENT_ID: &str = "ce-id";

/// A stream of a long run on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many messages are on their way at once.
const IN_FLIGHT: usize = 64;

/// Publishes each event of the stream once more; gives their number.
///
/// An event that is there twice already, because this was done before, is published once: the stream would double
/// each time otherwise.
pub(super) async fn every_event(nats_url: &str) -> Result<usize> {
    let all = async {
        let client = async_nats::connect(nats_url)
            .await
            .context("no connection")?;
        let jetstream = jetstream::new(client);
        let stream = existing(&jetstream).await;
        let events = read(&stream).await?;
        let count = events.len();
        futures::stream::iter(events.into_iter().map(anyhow::Ok))
            .try_for_each_concurrent(IN_FLIGHT, |event| publish(jetstream.clone(), event))
            .await?;
        anyhow::Ok(count)
    };
    timeout(PATIENCE, all)
        .await
        .context("the broker takes too long")?
}

/// The stream, once the services have made it anew, if it was just lost.
async fn existing(jetstream: &jetstream::Context) -> Stream {
    loop {
        match jetstream.get_stream(STREAM).await {
            Ok(stream) => return stream,
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

/// What is in the stream now, each event once.
async fn read(stream: &Stream) -> Result<Vec<jetstream::Message>> {
    let last = stream.cached_info().state.last_sequence;
    let mut events = Vec::new();
    if stream.cached_info().state.messages == 0 {
        return Ok(events);
    }
    let consumer = stream.create_consumer(OrderedConfig::default()).await?;
    let mut messages = consumer.messages().await?;
    let mut known = HashSet::new();
    while let Some(message) = messages.try_next().await? {
        let sequence = message.info().map_err(anyhow::Error::msg)?.stream_sequence;
        let id = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(EVENT_ID));
        if id.is_none_or(|id| known.insert(id.to_string())) {
            events.push(message);
        }
        if sequence >= last {
            break;
        }
    }
    Ok(events)
}

async fn publish(jetstream: jetstream::Context, event: jetstream::Message) -> Result<()> {
    let mut headers = HeaderMap::new();
    for (name, values) in event.headers.iter().flat_map(HeaderMap::iter) {
        for value in values.iter().filter(|_| name.to_string() != MESSAGE_ID) {
            headers.append(name.clone(), value.clone());
        }
    }
    let id = format!("{:032x}", rand::random::<u128>());
    headers.insert(MESSAGE_ID, id.as_str());
    let (subject, payload) = (event.subject.clone(), event.payload.clone());
    let sent = jetstream
        .publish_with_headers(subject, headers, payload)
        .await?;
    sent.await?;
    Ok(())
}
