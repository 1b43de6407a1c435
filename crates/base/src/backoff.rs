//! Growing delays between retries.

use std::cell::RefCell;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

thread_local! {
    /// The source of jitter on this thread; none for the default one.
    static SEEDED: RefCell<Option<SmallRng>> = const { RefCell::new(None) };
}

/// From now on derives the jitter on this thread from `seed`, so that a run with virtual time can be repeated.
pub fn seed_jitter(seed: u64) {
    SEEDED.set(Some(SmallRng::seed_from_u64(seed)));
}

/// Exponential backoff with jitter: delays double from the first to the longest, and each is shortened at random by up
/// to half so that clients that failed at the same time do not retry at the same time.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Delays from `first` to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            next: first,
            first,
            longest,
        }
    }

    /// The delay before the next try.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next.min(self.longest);
        self.next = delay.saturating_mul(2);
        delay.mul_f64(jitter(0.5, 1.0))
    }

    /// The longest of the delays.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// Starts again with the first delay. Call it after a success.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }

    /// The delay after attempt number `attempt`, counted from one, for callers that count attempts themselves.
    #[must_use]
    pub fn delay_of(&self, attempt: u64) -> Duration {
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let mut backoff = Self::new(
            self.first
                .saturating_mul(2_u32.saturating_pow(doublings.min(31))),
            self.longest,
        );
        backoff.next_delay()
    }
}

/// A random number between the bounds.
fn jitter(least: f64, most: f64) -> f64 {
    SEEDED.with_borrow_mut(|seeded| match seeded {
        Some(seeded) => seeded.random_range(least..=most),
        None => rand::rng().random_range(least..=most),
    })
}
