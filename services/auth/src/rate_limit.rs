//! A rate limiter with a token bucket per key, in bounded memory.
//!
//! A bucket holds as many tokens as the limit allows attempts, and is refilled evenly over the limit's time. An attempt
//! takes its token before it is processed, and refunds it if it turns out not to count. So concurrent attempts cannot
//! exceed the limit.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Clock;
use telemetry::metrics::Counter;

/// Attempts per time: `10/15m` allows ten at once and one more every 90 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    attempts: NonZeroU32,
    refilled_in: Duration,
}

/// The text is not a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be attempts per time, such as 10/15m (in s, m or h, at most a week)")]
pub struct InvalidLimit;

impl Limit {
    const MAX_TIME: Duration = Duration::from_hours(7 * 24);

    /// `attempts` per `refilled_in`.
    #[must_use]
    pub const fn new(attempts: NonZeroU32, refilled_in: Duration) -> Self {
        Self {
            attempts,
            refilled_in,
        }
    }

    /// The time in which one token is refilled, in nanoseconds.
    fn refill(self) -> i128 {
        nanoseconds(self.refilled_in) / i128::from(self.attempts.get())
    }

    /// The time in which an empty bucket is refilled, in nanoseconds.
    fn whole(self) -> i128 {
        self.refill() * i128::from(self.attempts.get())
    }
}

/// Writes the form that `FromStr` reads.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.refilled_in.as_secs();
        let (number, unit) = [(3_600, "h"), (60, "m")]
            .into_iter()
            .find(|(unit, _)| seconds.is_multiple_of(*unit))
            .map_or((seconds, "s"), |(unit, name)| (seconds / unit, name));
        write!(f, "{}/{number}{unit}", self.attempts)
    }
}

impl FromStr for Limit {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        let (attempts, time) = text.split_once('/').ok_or(InvalidLimit)?;
        let (number, seconds) = ["s", "m", "h"]
            .into_iter()
            .zip([1, 60, 3_600])
            .find_map(|(unit, seconds)| Some((time.trim().strip_suffix(unit)?, seconds)))
            .ok_or(InvalidLimit)?;
        let number: u64 = number.trim().parse().map_err(|_| InvalidLimit)?;
        let refilled_in = Duration::from_secs(number.saturating_mul(seconds));
        if refilled_in.is_zero() || refilled_in > Self::MAX_TIME {
            return Err(InvalidLimit);
        }
        let attempts = attempts.trim().parse().map_err(|_| InvalidLimit)?;
        Ok(Self {
            attempts,
            refilled_in,
        })
    }
}

/// The limit is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts")]
pub(crate) struct TooManyAttempts {
    /// How long until the next attempt is allowed.
    pub(crate) retry_after: Duration,
}

/// Applies one limit to each key. Clones share their buckets.
#[derive(Debug, Clone)]
pub(crate) struct RateLimiter {
    shared: Arc<Shared>,
    refused: Counter,
}

#[derive(Debug)]
struct Shared {
    limit: Limit,
    clock: Clock,
    /// Randomly seeded, so that clients cannot produce keys that collide.
    hasher: RandomState,
    /// When each bucket will be full again, in nanoseconds since 1970, by the hash of its key. A missing bucket is
    /// full.
    buckets: Mutex<HashMap<u64, i128>>,
}

/// A token that was taken. Dropping it does not refund it, so that a cancelled request counts.
#[derive(Debug)]
#[must_use]
pub(crate) struct Token {
    limiter: RateLimiter,
    bucket: u64,
}

impl RateLimiter {
    /// The maximum number of buckets, 16 bytes each.
    const CAPACITY: usize = 100_000;

    pub(crate) fn new(limit: Limit, clock: Clock) -> Self {
        let shared = Shared {
            limit,
            clock,
            hasher: RandomState::new(),
            buckets: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            refused: Counter::default(),
        }
    }

    /// Counts refusals in `refused`.
    pub(crate) fn counting(self, refused: Counter) -> Self {
        Self { refused, ..self }
    }

    /// Takes a token from the key's bucket.
    pub(crate) fn take(&self, key: impl Hash) -> Result<Token, TooManyAttempts> {
        let bucket = self.shared.hasher.hash_one(key);
        let (limit, now) = (self.shared.limit, self.now());
        let mut buckets = self.buckets();
        let full_at = buckets
            .get(&bucket)
            .map_or(now, |full_at| now.max(*full_at));
        let full_at = full_at + limit.refill();
        let wait = full_at - now - limit.whole();
        if wait > 0 {
            self.refused.increment();
            let wait = u64::try_from(wait).unwrap_or(u64::MAX);
            return Err(TooManyAttempts {
                retry_after: Duration::from_nanos(wait),
            });
        }
        if buckets.len() >= Self::CAPACITY {
            make_room(&mut buckets, now);
        }
        buckets.insert(bucket, full_at);
        Ok(Token {
            limiter: self.clone(),
            bucket,
        })
    }

    fn refund(&self, bucket: u64) {
        let now = self.now();
        let mut buckets = self.buckets();
        if let Some(full_at) = buckets.get_mut(&bucket) {
            *full_at -= self.shared.limit.refill();
            if *full_at <= now {
                buckets.remove(&bucket);
            }
        }
    }

    fn now(&self) -> i128 {
        i128::from(self.shared.clock.now().milliseconds()) * 1_000_000
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<u64, i128>> {
        // A panic cannot leave the map inconsistent: it is valid after every step.
        let locked = self.shared.buckets.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Token {
    /// Puts the token back, so that the attempt does not count.
    pub(crate) fn refund(self) {
        self.limiter.refund(self.bucket);
    }
}

/// Removes the buckets that are full again, and at least the fullest tenth of all: the keys with the most attempts are
/// remembered longest.
fn make_room(buckets: &mut HashMap<u64, i128>, now: i128) {
    let mut times: Vec<i128> = buckets.values().copied().collect();
    let tenth = times.len() / 10;
    let (_, cutoff, _) = times.select_nth_unstable(tenth);
    let cutoff = now.max(*cutoff);
    buckets.retain(|_, full_at| *full_at > cutoff);
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).expect("a limit's time is at most a week")
}

#[cfg(test)]
mod tests;
