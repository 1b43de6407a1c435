//! The two streams: events and dead letters.

use std::time::Duration;

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{ErrorCode, stream};
use common::Subject;

use super::{Broker, BrokerError};

/// How long the broker remembers message ids: longer than a relay waits before it publishes an entry again.
const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(10);

/// How long events stay in the stream. Older state can be re-emitted.
const EVENT_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// How long dead letters are stored.
const DEAD_LETTER_LIFETIME: Duration = Duration::from_hours(30 * 24);

impl Broker {
    /// Creates the streams, or updates their settings. Idempotent. Returns the event stream's information.
    pub async fn ensure_streams(&self) -> Result<stream::Info, BrokerError> {
        let events = stream::Config {
            name: self.config.stream.clone(),
            description: Some("Events of the ticketing fleet".to_owned()),
            subjects: Subject::ALL.map(|subject| self.subject(subject)).to_vec(),
            max_age: EVENT_LIFETIME,
            duplicate_window: DEDUPLICATION_WINDOW,
            ..self.stream_defaults()
        };
        let dead_letters = stream::Config {
            name: self.dead_letter_stream(),
            description: Some(
                "Events that a consumer could not handle, with the reason".to_owned(),
            ),
            subjects: vec![format!("{}dead-letter.>", self.config.subject_prefix)],
            max_age: DEAD_LETTER_LIFETIME,
            ..self.stream_defaults()
        };
        let info = self.ensure_stream(events).await?;
        self.ensure_stream(dead_letters).await?;
        Ok(info)
    }

    /// Creates the stream if it is missing. Only the service that manages the streams updates an existing one, and only
    /// if its settings differ.
    async fn ensure_stream(&self, wanted: stream::Config) -> Result<stream::Info, BrokerError> {
        let info = match self.jetstream.get_stream(&wanted.name).await {
            Ok(stream) => stream.cached_info().clone(),
            Err(error) if is_missing(&error) => {
                return Ok(self
                    .jetstream
                    .create_stream(wanted)
                    .await?
                    .cached_info()
                    .clone());
            }
            Err(error) => return Err(error.into()),
        };
        let updated = updated(&info.config, &wanted);
        if updated == info.config || !self.updates_streams {
            return Ok(info);
        }
        Ok(self.jetstream.update_stream(updated).await?)
    }

    /// When the stream stored the event with this number, in nanoseconds since 1970; `None` if it has no such event.
    pub(crate) async fn time_of(&self, sequence: u64) -> Result<Option<i128>, BrokerError> {
        let read = |error: &dyn std::fmt::Display| BrokerError::Read(error.to_string());
        let stream = self.jetstream.get_stream_no_info(self.stream()).await;
        let stream = stream.map_err(|error| read(&error))?;
        match stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message.time.unix_timestamp_nanos())),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(read(&error)),
        }
    }

    fn stream_defaults(&self) -> stream::Config {
        stream::Config {
            retention: stream::RetentionPolicy::Limits,
            storage: stream::StorageType::File,
            num_replicas: self.config.replicas,
            allow_direct: true,
            ..stream::Config::default()
        }
    }
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(reason) if reason.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// The stream's current settings, with ours replaced by the wanted ones. Others stay, such as the broker's metadata,
/// and so do subjects that this release does not know, because another release may publish them.
fn updated(current: &stream::Config, wanted: &stream::Config) -> stream::Config {
    let mut subjects = current.subjects.clone();
    for subject in &wanted.subjects {
        if !subjects.contains(subject) {
            subjects.push(subject.clone());
        }
    }
    stream::Config {
        description: wanted.description.clone(),
        subjects,
        max_age: wanted.max_age,
        duplicate_window: match wanted.duplicate_window {
            Duration::ZERO => current.duplicate_window,
            window => window,
        },
        retention: wanted.retention,
        storage: wanted.storage,
        num_replicas: wanted.num_replicas,
        allow_direct: wanted.allow_direct,
        ..current.clone()
    }
}
