//! A loop that publishes events as the relays do: with a message id, waiting for each acknowledgement.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use async_nats::jetstream::{self, message::PublishMessage, stream};

use crate::measure::{Load, measure};

const SUBJECT: &str = "baseline.events";

/// Of the same length as a ticket's event.
const BODY: &str = r#"{"id":"65f1c0ffee0123456789abcd","version":0,"title":"Front row, on the left","price":19.99,"userId":"65f1c0ffee0123456789abcd"}"#;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The broker
    #[arg(long)]
    url: String,
    #[command(flatten)]
    load: Load,
}

/// Publishes to a stream of its own, which is stored in files like the services' stream.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let context = jetstream::new(async_nats::connect(&arguments.url).await?);
    let config = stream::Config {
        name: "baseline".to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        storage: stream::StorageType::File,
        duplicate_window: std::time::Duration::from_mins(10),
        ..stream::Config::default()
    };
    context.get_or_create_stream(config).await?;
    let run = bson::oid::ObjectId::new().to_hex();
    let published = std::sync::Arc::new(AtomicU64::new(0));
    measure(arguments.load, move || {
        let (context, run, published) = (context.clone(), run.clone(), published.clone());
        async move {
            let number = published.fetch_add(1, Ordering::Relaxed);
            let message = PublishMessage::build()
                .message_id(format!("{run}-{number}"))
                .header("ce-specversion", "1.0")
                .header("content-type", "application/json")
                .payload(BODY.into());
            context.send_publish(SUBJECT, message).await?.await?;
            Ok(())
        }
    })
    .await
}
