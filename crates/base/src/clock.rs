//! An injected clock, so that tests control the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::Timestamp;

/// A source of the current time.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicI64>),
    Runtime {
        start: tokio::time::Instant,
        start_time: Timestamp,
    },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stays at `now` until [`Clock::advance`] moves it. Clones share the time.
    #[must_use]
    pub fn manual(now: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(now.milliseconds().into())))
    }

    /// A clock that starts at `now` and follows the time of the tokio runtime, which can be virtual.
    #[must_use]
    pub fn of_runtime(now: Timestamp) -> Self {
        Self(Source::Runtime {
            start: tokio::time::Instant::now(),
            start_time: now,
        })
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(now) => Timestamp::from_milliseconds(now.load(Ordering::SeqCst)),
            Source::Runtime { start, start_time } => start_time.plus(start.elapsed()),
        }
    }

    /// Moves a manual clock forward. Does nothing to other clocks.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            now.store(self.now().plus(by).milliseconds(), Ordering::SeqCst);
        }
    }
}

fn system_now() -> Timestamp {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_milliseconds(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
