//! Times: milliseconds since 1970 in memory, RFC 3339 in UTC with milliseconds and `Z` in JSON.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::parsed::parsed;

const WIRE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
/// The length of every written time.
const WIRE_LENGTH: usize = 24;

/// A time with a precision of milliseconds, in the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    milliseconds: i64,
}

/// The text is not a time in the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is RFC 3339, in the years 1 to 9999")]
pub struct InvalidTimestamp;

impl Timestamp {
    const MIN: i64 = -62_135_596_800_000;
    const MAX: i64 = 253_402_300_799_999;

    /// The time this many milliseconds after the start of 1970 in UTC, clamped to the years 1 to 9999.
    #[must_use]
    pub fn from_milliseconds(milliseconds: i64) -> Self {
        Self {
            milliseconds: milliseconds.clamp(Self::MIN, Self::MAX),
        }
    }

    /// Milliseconds since the start of 1970 in UTC.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.milliseconds
    }

    /// The time `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let span = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_milliseconds(self.milliseconds.saturating_add(span))
    }

    /// The time `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let span = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_milliseconds(self.milliseconds.saturating_sub(span))
    }

    /// The duration since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let span = self.milliseconds.saturating_sub(earlier.milliseconds);
        Duration::from_millis(u64::try_from(span).unwrap_or(0))
    }

    fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.milliseconds) * 1_000_000)
            .expect("a timestamp is in the years 1 to 9999")
    }

    /// Writes the time to `text` and returns it.
    fn text(self, text: &mut [u8; WIRE_LENGTH]) -> &str {
        self.date_time()
            .format_into(&mut text.as_mut_slice(), WIRE)
            .expect("every time has the same length");
        str::from_utf8(text).expect("digits and signs are ASCII")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; WIRE_LENGTH]))
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let milliseconds = i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000))
            .map_err(|_| InvalidTimestamp)?;
        if (Self::MIN..=Self::MAX).contains(&milliseconds) {
            Ok(Self { milliseconds })
        } else {
            Err(InvalidTimestamp)
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text(&mut [0; WIRE_LENGTH]))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}
