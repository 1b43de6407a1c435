//! What `publisher` and `listener` share: the broker's address and the stream.
//!
//! The two programs use the broker without any service, to show that `ticket:created` is delivered. They do not create
//! the stream: the services own it, so a missing stream is an error.

use anyhow::{Context, Result};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::{self, ErrorCode, stream};
use clap::Args;
use common::Subject;

/// The broker and the stream.
#[derive(Debug, Args)]
pub struct Target {
    /// URL of NATS
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
    /// Name of the fleet's stream
    #[arg(long, env = "NATS_CLUSTER_ID", default_value = "ticketing")]
    pub stream: String,
    /// Prefix of every subject of the fleet
    #[arg(long, env = "NATS_SUBJECT_PREFIX", default_value = "")]
    pub subject_prefix: String,
}

impl Target {
    /// Connects, and fails if the stream does not exist.
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
                "there is no stream {:?} at {}: the services create it when they start, so start the fleet first, \
                 or name another stream with --stream",
                self.stream,
                self.nats_url
            )),
            Err(error) => Err(error).context("JetStream does not answer"),
        }
    }

    /// `ticket:created` with the prefix.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}{}", self.subject_prefix, Subject::TicketCreated)
    }
}

fn is_missing(kind: GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}
