//! The state of the stream at a check, and what it has lost since.

use async_nats::jetstream::stream;
use serde::{Deserialize, Serialize};

/// The state of the stream at a check, as it is stored.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamState {
    /// When it was created, in nanoseconds since 1970.
    pub(super) created: String,
    /// The sequence numbers of its first and its last message.
    #[serde(default)]
    pub(super) first: i64,
    #[serde(default)]
    pub(super) last: i64,
    /// When the last message was stored, in nanoseconds since 1970. It distinguishes messages with the same number.
    #[serde(default)]
    pub(super) last_time: String,
    /// How many messages are missing between the first and the last.
    #[serde(default)]
    pub(super) gaps: i64,
}

/// What a broker may lose although it was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Loss {
    /// The stream was recreated, or this service never filled it.
    #[error("the stream is a new one")]
    All,
    /// Its latest messages: they were only in memory when the machine lost power, or a file was truncated.
    #[error("the end of the stream was lost")]
    Tail,
    /// Messages in the middle: a file was damaged.
    #[error("messages within the stream were lost")]
    Gap,
}

impl Loss {
    /// The label in metrics.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::All => "new_stream",
            Self::Tail => "lost_tail",
            Self::Gap => "lost_gap",
        }
    }
}

impl StreamState {
    /// The name of the re-emission that repairs the loss since `before`; the same in every process that detects it.
    pub(super) fn run(&self, before: Option<&Self>) -> String {
        let created = &self.created;
        match before.filter(|before| before.created == *created) {
            None => created.clone(),
            Some(Self {
                last,
                last_time,
                gaps,
                ..
            }) => format!("{created}-{last}-{last_time}-{gaps}"),
        }
    }

    pub(super) fn of(info: &stream::Info) -> Self {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let state = &info.state;
        Self {
            created: info.created.unix_timestamp_nanos().to_string(),
            first: number(state.first_sequence),
            last: number(state.last_sequence),
            last_time: state.last_timestamp.unix_timestamp_nanos().to_string(),
            gaps: number(state.deleted_count.unwrap_or(0)),
        }
    }
}
