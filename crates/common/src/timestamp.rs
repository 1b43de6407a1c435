//! Moments: RFC 3339 in UTC with milliseconds and `Z` on the wire, milliseconds since 1970 inside.

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
/// Its bytes: every part has as many digits, whatever the moment.
const WIRE_LENGTH: usize = 24;

/// A moment, to the millisecond, between the years 1 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    milliseconds: i64,
}

/// The text or number names no moment in the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is RFC 3339, in the years 1 to 9999")]
pub struct InvalidTimestamp;

impl Timestamp {
    const MIN: i64 = -62_135_596_800_000;
    const MAX: i64 = 253_402_300_799_999;

    /// The moment so many milliseconds after 1970 began in UTC; what lies outside the years 1 to 9999 becomes
    /// the nearest moment inside.
    #[must_use]
    pub fn from_milliseconds(milliseconds: i64) -> Self {
        Self {
            milliseconds: milliseconds.clamp(Self::MIN, Self::MAX),
        }
    }

    /// Milliseconds since 1970 began in UTC.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.milliseconds
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let span = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_milliseconds(self.milliseconds.saturating_add(span))
    }

    /// The moment `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let span = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_milliseconds(self.milliseconds.saturating_sub(span))
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let span = self.milliseconds.saturating_sub(earlier.milliseconds);
        Duration::from_millis(u64::try_from(span).unwrap_or(0))
    }

    fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.milliseconds) * 1_000_000)
            .expect("a timestamp lies in the years 1 to 9999")
    }

    /// As it is on the wire, written to `text`.
    fn text(self, text: &mut [u8; WIRE_LENGTH]) -> &str {
        self.date_time()
            .format_into(&mut text.as_mut_slice(), WIRE)
            .expect("every part of a moment has its digits");
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
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let milliseconds = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000))
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
