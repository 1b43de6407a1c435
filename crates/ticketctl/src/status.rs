//! `status`: the present state of the fleet, and its problems.

mod broker;
mod outboxes;
mod problems;
mod queue;
mod services;
mod show;

use serde::Serialize;

use crate::connections::Connections;
use crate::failure::{Failure, Finding};
use crate::output::Output;
use broker::{ShownConsumer, ShownStream};
use outboxes::ShownOutbox;
use queue::ShownQueue;
use services::ShownService;

/// The JSON output. What could not be read is absent, and named in `unknown`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    services: Vec<ShownService>,
    streams: Vec<ShownStream>,
    consumers: Vec<ShownConsumer>,
    outboxes: Vec<ShownOutbox>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<ShownQueue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letters: Option<u64>,
    /// The problems.
    problems: Vec<String>,
    /// What was not read because its address is not known.
    unknown: Vec<String>,
}

pub(crate) async fn run(connections: &Connections, output: &Output) -> Result<Finding, Failure> {
    let (services, broker, outboxes, queue) = tokio::join!(
        services::read(connections),
        broker::read(connections),
        outboxes::read(connections),
        queue::read(connections),
    );
    let mut status = Status {
        services: services?,
        ..Status::default()
    };
    let mut reached = status.services.iter().any(ShownService::answers);
    if let Some(broker) = status.record(broker)? {
        reached = true;
        status.streams = broker.streams;
        status.consumers = broker.consumers;
        status.dead_letters = Some(broker.dead_letters);
    }
    for outbox in outboxes {
        if let Some(outbox) = status.record(outbox)? {
            reached = true;
            status.outboxes.push(outbox);
        }
    }
    if let Some(queue) = status.record(queue)? {
        reached = true;
        status.queue = Some(queue);
    }
    if !reached {
        return Err(anyhow::anyhow!(
            "no part of the fleet answers:\n  {}\n  {}",
            status.all_problems().join("\n  "),
            status.unknown.join("\n  ")
        )
        .into());
    }
    status.problems = status.all_problems();
    if output.is_json() {
        output.json(&status)?;
    } else {
        show::print(output, &status)?;
    }
    Ok(Finding::wrong_if(!status.problems.is_empty()))
}

impl Status {
    /// Records a server that does not answer as a problem, and one without an address as unknown.
    fn record<T>(&mut self, read: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(Failure::Usage(message)) => {
                self.unknown.push(message);
                Ok(None)
            }
            Err(Failure::Unreachable(error)) => {
                self.problems.push(format!("{error:#}"));
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}
