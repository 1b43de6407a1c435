//! What was seen of the stream, and what it has lost since.

use async_nats::jetstream::stream;
use serde::{Deserialize, Serialize};

/// What was seen of the stream.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sight {
    /// When it was made, in nanoseconds since 1970.
    pub(super) created: String,
    /// The numbers of its first and its last message.
    #[serde(default)]
    pub(super) first: i64,
    #[serde(default)]
    pub(super) last: i64,
    /// When the last message came, in nanoseconds since 1970: another message has another time.
    #[serde(default)]
    pub(super) last_time: String,
    /// How many messages are missing between the first and the last.
    #[serde(default)]
    pub(super) gaps: i64,
}

/// What a broker may lose although it acknowledged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Loss {
    /// It was made anew, or this service never filled it.
    #[error("the stream is a new one")]
    All,
    /// Its latest messages, as when a machine loses power that had them in memory, or when a file was cut off.
    #[error("the end of the stream was lost")]
    Tail,
    /// Some in between, as when a file was damaged.
    #[error("messages within the stream were lost")]
    Gap,
}

impl Loss {
    /// The loss as metrics have it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::All => "new_stream",
            Self::Tail => "lost_tail",
            Self::Gap => "lost_gap",
        }
    }
}

impl Sight {
    /// The name of the re-emission that makes good what was lost since `before`: the same in each process that finds it.
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
