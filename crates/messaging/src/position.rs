//! The position of an event in the stream.

use async_nats::jetstream::Message;
use async_nats::jetstream::stream::State;
use common::Timestamp;

/// The position of an event in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its sequence number.
    pub sequence: u64,
    /// When the stream stored it, by the broker's clock.
    pub published: Timestamp,
}

impl Position {
    /// The position of this message; `None` if it is not from a stream.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        let info = message.info().ok()?;
        Some(Self {
            sequence: info.stream_sequence,
            published: timestamp(info.published.unix_timestamp_nanos()),
        })
    }

    /// The position of the last event of a stream in this state.
    #[must_use]
    pub fn of_last(state: &State) -> Self {
        Self {
            sequence: state.last_sequence,
            published: timestamp(state.last_timestamp.unix_timestamp_nanos()),
        }
    }

    /// Whether the stream already contained this event when `last` was its last one. A recreated stream counts from one
    /// again, so the time is compared too.
    #[must_use]
    pub fn is_until(self, last: Self) -> bool {
        self.sequence <= last.sequence && self.published <= last.published
    }
}

fn timestamp(nanoseconds: i128) -> Timestamp {
    Timestamp::from_milliseconds(i64::try_from(nanoseconds / 1_000_000).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: u64, published: i64) -> Position {
        Position {
            sequence,
            published: Timestamp::from_milliseconds(published),
        }
    }

    #[test]
    fn an_event_of_a_recreated_stream_is_not_one_of_the_previous_stream() {
        let last = at(100, 5_000);
        assert!(at(100, 5_000).is_until(last));
        assert!(at(7, 1_000).is_until(last));
        assert!(!at(101, 5_000).is_until(last));
        assert!(!at(7, 5_001).is_until(last));
    }
}
