//! The id of an event in a feed.

use std::fmt;
use std::str::FromStr;

/// A cursor in a stream: the id of the last event before it. The same in every process, and never reused.
///
/// Written `<creation of the stream, in nanoseconds since 1970>-<sequence number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    pub(super) stream: i128,
    pub(super) sequence: u64,
}

/// The text is not an event's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event")]
pub struct InvalidEventId;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream, self.sequence)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let (stream, sequence) = text.split_once('-').ok_or(InvalidEventId)?;
        Ok(Self {
            stream: stream.parse().map_err(|_| InvalidEventId)?,
            sequence: sequence.parse().map_err(|_| InvalidEventId)?,
        })
    }
}
