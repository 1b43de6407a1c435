//! The time, as Stripe counts it.

use time::OffsetDateTime;

/// The current month and year.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Today {
    pub(crate) month: i64,
    pub(crate) year: i64,
}

/// The current month, in UTC.
pub(crate) fn today() -> Today {
    let now = OffsetDateTime::now_utc();
    Today {
        month: u8::from(now.month()).into(),
        year: now.year().into(),
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
