//! Delivers every event of the stream again, as a broker may after its deduplication window.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result};
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::{self, stream::Stream};
use futures::TryStreamExt;
use tokio::time::{sleep, timeout};

/// The name of the stream in every fleet of the test kit.
const STREAM: &str = "ticketing";

/// The header that the broker deduplicates by.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// The header that identifies an event.
const EVENT_ID: &str = "ce-id";

/// Enough for the stream of a long run on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many messages are published at once.
const IN_FLIGHT: usize = 64;

/// Publishes each event of the stream once more; returns their number.
///
/// An event that is in the stream twice, after an earlier call, is published once. Otherwise the stream would double
/// each time.
pub(super) async fn every_event(nats_url: &str) -> Result<usize> {
    let all = async {
        let client = async_nats::connect(nats_url)
            .await
            .context("no connection")?;
        let jetstream = jetstream::new(client);
        let stream = wait_for_stream(&jetstream).await;
        let events = read(&stream).await?;
        let count = events.len();
        futures::stream::iter(events.into_iter().map(anyhow::Ok))
            .try_for_each_concurrent(IN_FLIGHT, |event| publish(jetstream.clone(), event))
            .await?;
        anyhow::Ok(count)
    };
    timeout(TIMEOUT, all)
        .await
        .context("the broker takes too long")?
}

/// The stream. If it was just lost, waits until the services have created a new one.
async fn wait_for_stream(jetstream: &jetstream::Context) -> Stream {
    loop {
        match jetstream.get_stream(STREAM).await {
            Ok(stream) => return stream,
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

/// The events of the stream, each once.
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
