//! Publishes `ticket:created`.

use anyhow::{Context, Result, anyhow};
use async_nats::jetstream;
use async_nats::jetstream::message::PublishMessage;
use clap::Parser;
use common::events::TicketState;
use common::{Event, Id, Price, Title};
use nats_test::Target;

/// Publishes `ticket:created` events, each of a new ticket, and waits for the stream's acknowledgement.
///
/// The events are real: services that use this stream accept the tickets. The orders service then accepts orders for
/// tickets that the tickets service does not know. Use it on a fleet of your own.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    /// Title of the tickets
    #[arg(long, default_value = "Concert")]
    title: Title,
    /// Price in US dollars, with at most two decimals
    #[arg(long, default_value = "20", value_parser = price)]
    price: Price,
    /// Number of tickets
    #[arg(long, default_value_t = 1)]
    count: u32,
}

fn price(text: &str) -> Result<Price> {
    let dollars: f64 = text.parse()?;
    Ok(Price::from_dollars(dollars)?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (jetstream, _) = arguments.target.open("publisher").await?;
    for _ in 0..arguments.count {
        let ticket = TicketState {
            id: Id::from_bytes(rand::random()),
            version: 0,
            title: arguments.title.clone(),
            price: arguments.price,
            user_id: Id::from_bytes(rand::random()),
            order_id: None,
            withdrawn: false,
        };
        publish(&jetstream, &arguments.target, ticket).await?;
    }
    Ok(())
}

async fn publish(
    jetstream: &jetstream::Context,
    target: &Target,
    ticket: TicketState,
) -> Result<()> {
    let id = ticket.id;
    let event = Event::TicketCreated(ticket);
    let message_id = format!("nats-test-{id}-0");
    let message = PublishMessage::build()
        .message_id(&message_id)
        .header("ce-specversion", "1.0")
        .header("ce-id", message_id.as_str())
        .header("ce-type", event.subject().as_str())
        .header("ce-source", "/nats-test")
        .header("content-type", "application/json")
        .payload(event.to_json().into());
    let sent = jetstream.send_publish(target.subject(), message).await;
    let acknowledged = sent.context("not sent")?.await;
    let acknowledged = acknowledged.context("the stream did not accept the event")?;
    if acknowledged.stream != target.stream {
        return Err(anyhow!(
            "{} belongs to the stream {:?}, not to {:?}; see --subject-prefix",
            target.subject(),
            acknowledged.stream,
            target.stream
        ));
    }
    println!("published #{} ticket {id}", acknowledged.sequence);
    Ok(())
}
