//! Prints `ticket:created`.

use anyhow::{Context, Result, anyhow};
use async_nats::jetstream::consumer::pull::{self, MessagesErrorKind};
use async_nats::jetstream::{Message, consumer, stream};
use clap::Parser;
use common::{Event, Subject};
use futures::StreamExt;
use nats_test::Target;
use tokio::signal::ctrl_c;

/// Prints each `ticket:created` event and acknowledges it, until Ctrl-C.
///
/// Without a queue group it prints every event of the stream and leaves nothing behind. With one, listeners of the same
/// group share the events, and the group resumes where it stopped.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    /// Durable consumer to share; not a service's, which would then miss events
    #[arg(long, value_parser = queue_group)]
    queue_group: Option<String>,
}

fn queue_group(name: &str) -> Result<String> {
    if name.ends_with("-service") {
        return Err(anyhow!("{name} belongs to a service"));
    }
    Ok(name.to_owned())
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (_jetstream, stream) = arguments.target.open("listener").await?;
    let mut messages = subscribe(&stream, &arguments).await?;
    println!("listening to {}", arguments.target.subject());
    loop {
        let next = tokio::select! {
            next = messages.next() => next,
            stopped = ctrl_c() => return stopped.context("cannot listen for signals"),
        };
        match next {
            Some(Ok(message)) => show(&message).await?,
            // The broker or this process was suspended; the subscription continues.
            Some(Err(error)) if error.kind() == MessagesErrorKind::MissingHeartbeat => {}
            Some(Err(error)) => return Err(error).context("the subscription failed"),
            None => return Err(anyhow!("the subscription ended")),
        }
    }
}

async fn subscribe(stream: &stream::Stream, arguments: &Arguments) -> Result<pull::Stream> {
    let config = pull::Config {
        durable_name: arguments.queue_group.clone(),
        filter_subject: arguments.target.subject(),
        ack_policy: consumer::AckPolicy::Explicit,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await;
    let consumer = consumer.context("the consumer was refused")?;
    consumer.messages().await.context("no subscription")
}

async fn show(message: &Message) -> Result<()> {
    let sequence = message
        .info()
        .map_err(|error| anyhow!("not a message of a stream: {error}"))?
        .stream_sequence;
    match Event::from_json(Subject::TicketCreated, &message.payload) {
        Ok(Event::TicketCreated(ticket)) => println!(
            "#{sequence} ticket {} version {} {:?} {}",
            ticket.id,
            ticket.version,
            ticket.title.as_str(),
            ticket.price
        ),
        Ok(_) => unreachable!("the subject decides what the event is"),
        Err(error) => println!("#{sequence} unreadable: {error}"),
    }
    let acknowledged = message.ack().await;
    acknowledged.map_err(|error| anyhow!("not acknowledged: {error}"))
}
