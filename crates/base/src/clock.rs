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
    #[cfg(feature = "simulation")]
    Virtual {
        began: tokio::time::Instant,
        at: Timestamp,
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

    /// A clock that stands at `now` and goes with the runtime's time, which a simulation makes pass as fast as it likes.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn of_runtime(now: Timestamp) -> Self {
        Self(Source::Virtual {
            began: tokio::time::Instant::now(),
            at: now,
        })
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(now) => Timestamp::from_milliseconds(now.load(Ordering::SeqCst)),
            #[cfg(feature = "simulation")]
            Source::Virtual { began, at } => at.plus(began.elapsed()),
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
