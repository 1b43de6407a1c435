//! `status`: how everything is at this moment, and what of it should not be so.

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

/// Everything, as programs read it. What could not be looked at is absent, and named in `unknown`.
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
    /// What should not be so.
    problems: Vec<String>,
    /// What was not looked at, since no address of it is known.
    unknown: Vec<String>,
}

pub(crate) async fn run(connections: &Connections, output: &Output) -> Result<Finding, Failure> {
    let (services, broker, outboxes, queue) = tokio::join!(
        services::look(connections),
        broker::look(connections),
        outboxes::look(connections),
        queue::look(connections),
    );
    let mut status = Status {
        services: services?,
        ..Status::default()
    };
    let mut reached = status.services.iter().any(ShownService::answers);
    if let Some(broker) = status.note(broker)? {
        reached = true;
        status.streams = broker.streams;
        status.consumers = broker.consumers;
        status.dead_letters = Some(broker.dead_letters);
    }
    for outbox in outboxes {
        if let Some(outbox) = status.note(outbox)? {
            reached = true;
            status.outboxes.push(outbox);
        }
    }
    if let Some(queue) = status.note(queue)? {
        reached = true;
        status.queue = Some(queue);
    }
    if !reached {
        return Err(anyhow::anyhow!(
            "nothing of the fleet answers:\n  {}\n  {}",
            status.all_that_is_wrong().join("\n  "),
            status.unknown.join("\n  ")
        )
        .into());
    }
    status.problems = status.all_that_is_wrong();
    if output.is_json() {
        output.json(&status)?;
    } else {
        show::print(output, &status)?;
    }
    Ok(Finding::wrong_if(!status.problems.is_empty()))
}

impl Status {
    /// What was seen; what does not answer is a problem, and what has no address is unknown.
    fn note<T>(&mut self, seen: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match seen {
            Ok(seen) => Ok(Some(seen)),
            Err(Failure::Usage(words)) => {
                self.unknown.push(words);
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
