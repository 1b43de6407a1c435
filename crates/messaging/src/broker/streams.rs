//! The streams: events, and those that could not be handled.

use std::time::Duration;

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{ErrorCode, stream};
use common::Subject;

use super::{Broker, BrokerError};

/// How long the broker remembers message ids: longer than any relay waits before it publishes an entry again.
const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(10);

/// How long events stay in the stream; state older than that comes back by re-emission.
const EVENT_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// How long dead letters wait for somebody to look at them.
const DEAD_LETTER_LIFETIME: Duration = Duration::from_hours(30 * 24);

impl Broker {
    /// Makes the streams, or brings their settings up to date; as often as one likes. Gives what the broker says of the
    /// event stream.
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

    /// Makes the stream if it is not there. One that is there is only changed by the service that keeps the streams, and
    /// only if it has to be.
    async fn ensure_stream(&self, wanted: stream::Config) -> Result<stream::Info, BrokerError> {
        let is = match self.jetstream.get_stream(&wanted.name).await {
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
        let wanted = as_wanted(&is.config, &wanted);
        if wanted == is.config || !self.keeps_streams {
            return Ok(is);
        }
        Ok(self.jetstream.update_stream(wanted).await?)
    }

    /// When the event of this number came, in nanoseconds since 1970; `None` if the stream has none of that number.
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

/// The stream's settings with those that are ours as they should be. Others, such as the broker's own notes, stay, and so
/// do subjects that this release does not know: another one publishes them.
fn as_wanted(is: &stream::Config, wanted: &stream::Config) -> stream::Config {
    let mut subjects = is.subjects.clone();
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
            Duration::ZERO => is.duplicate_window,
            window => window,
        },
        retention: wanted.retention,
        storage: wanted.storage,
        num_replicas: wanted.num_replicas,
        allow_direct: wanted.allow_direct,
        ..is.clone()
    }
}
