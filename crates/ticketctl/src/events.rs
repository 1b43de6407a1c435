//! `events tail`: the events that services publish.

mod event;

use std::time::Duration;

use anyhow::{Context, anyhow};
use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use audit::BrokerAccess;
use audit::access::now;
use common::{Subject, Timestamp};
use console::style;
use futures::StreamExt;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::command_line::Tail;
use crate::connections::Connections;
use crate::failure::{Failure, Finding};
use crate::output::Output;
pub(crate) use event::{StreamEvent, timestamp};

/// How long the next of the events that are already in the stream may take.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Prints events until the last one, or without end.
pub(crate) async fn tail(
    connections: &Connections,
    output: &Output,
    tail: Tail,
) -> Result<Finding, Failure> {
    let (access, jetstream) = connections.jetstream().await?;
    let subjects = if tail.subjects.is_empty() {
        Subject::ALL.to_vec()
    } else {
        tail.subjects
    };
    let entity = tail.entity.map(|id| id.to_string());
    let mut events = Events::since(&access, &jetstream, &subjects, now().minus(tail.since)).await?;
    loop {
        let next = tokio::select! {
            next = events.next(tail.follow) => next?,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(event) = next else {
            return Ok(Finding::Fine);
        };
        if entity.as_ref().is_none_or(|id| event.names(id)) {
            show(output, &event)?;
        }
    }
}

fn show(output: &Output, event: &StreamEvent) -> Result<(), Failure> {
    if output.is_json() {
        return output.json_line(event);
    }
    let entity = event.entity.as_deref().unwrap_or("?");
    let version = event
        .version
        .map_or_else(String::new, |version| format!("v{version}"));
    let line = format!(
        "{}  {:>8}  {:<19}  {entity:<24}  {version:<4}  {}",
        style(event.published_at).dim(),
        event.sequence,
        style(&event.subject).cyan(),
        event.summary(),
    );
    output.line(console::truncate_str(&line, output.width(), "…"))
}

/// The events of the stream since a time, read by an ephemeral consumer.
pub(crate) struct Events {
    messages: pull::Ordered,
    access: BrokerAccess,
    /// The number of events that are still to be read.
    behind: u64,
}

impl Events {
    pub(crate) async fn since(
        access: &BrokerAccess,
        jetstream: &jetstream::Context,
        subjects: &[Subject],
        since: Timestamp,
    ) -> Result<Self, Failure> {
        let name = &access.stream;
        let stream = jetstream.get_stream_no_info(name).await;
        let stream = stream.with_context(|| format!("stream {name}"))?;
        let start = i128::from(since.milliseconds()) * 1_000_000;
        let start_time = OffsetDateTime::from_unix_timestamp_nanos(start);
        let start_time = start_time.map_err(|_| Failure::usage("no such time"))?;
        let prefix = &access.subject_prefix;
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartTime { start_time },
            filter_subjects: subjects
                .iter()
                .map(|subject| format!("{prefix}{subject}"))
                .collect(),
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer
            .with_context(|| format!("no events of stream {name}; is NATS_CLUSTER_ID right?"))?;
        Ok(Self {
            behind: consumer.cached_info().num_pending,
            messages: consumer.messages().await.context("events")?,
            access: access.clone(),
        })
    }

    /// The next event; `None` after the last one, unless `waits`.
    pub(crate) async fn next(&mut self, waits: bool) -> Result<Option<StreamEvent>, Failure> {
        if self.behind == 0 && !waits {
            return Ok(None);
        }
        let next = if waits {
            self.messages.next().await
        } else {
            let next = timeout(LONGEST_PAUSE, self.messages.next()).await;
            next.context("the broker sent no further event in time")?
        };
        let message = next.context("the stream ended early")?;
        let message = message.map_err(|error| anyhow!("the stream ended early: {error}"))?;
        let (event, behind) = StreamEvent::read(&self.access, &message)?;
        self.behind = behind;
        Ok(Some(event))
    }
}
