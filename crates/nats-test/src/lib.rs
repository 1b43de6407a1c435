//! What the two programs of the harness share: where the broker is, and the stream that must be there.
//!
//! `publisher` and `listener` speak to the broker without any service in between, to see with one's own eyes that
//! `ticket:created` goes through. They make no stream: the services own it, and a missing one is worth knowing.

use anyhow::{Context, Result};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::{self, ErrorCode, stream};
use clap::Args;
use common::Subject;

/// Where the events are.
#[derive(Debug, Args)]
pub struct Target {
    /// Where NATS is
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
    /// The name of the fleet's stream
    #[arg(long, env = "NATS_CLUSTER_ID", default_value = "ticketing")]
    pub stream: String,
    /// What the fleet puts before every subject
    #[arg(long, env = "NATS_SUBJECT_PREFIX", default_value = "")]
    pub subject_prefix: String,
}

impl Target {
    /// Connects, and makes sure that the stream is there.
    pub async fn open(&self, program: &str) -> Result<(jetstream::Context, stream::Stream)> {
        let client = async_nats::ConnectOptions::new()
            .name(program)
            .connect(&self.nats_url)
            .await
            .with_context(|| format!("no NATS server at {}", self.nats_url))?;
        let jetstream = jetstream::new(client);
        match jetstream.get_stream(&self.stream).await {
            Ok(stream) => Ok((jetstream, stream)),
            Err(error) if is_missing(error.kind()) => Err(anyhow::anyhow!(
                "there is no stream {:?} at {}: the services make it when they start, so start the fleet first, \
                 or name another with --stream",
                self.stream,
                self.nats_url
            )),
            Err(error) => Err(error).context("JetStream does not answer"),
        }
    }

    /// `ticket:created`, as this fleet spells it.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}{}", self.subject_prefix, Subject::TicketCreated)
    }
}

fn is_missing(kind: GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}
