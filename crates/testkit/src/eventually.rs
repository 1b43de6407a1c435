//! Waiting for a condition, with a deadline.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::time::sleep;

const TIMEOUT: Duration = Duration::from_secs(15);
const MAX_PAUSE: Duration = Duration::from_millis(200);

/// The result of an attempt: a value, or a reason to retry.
pub trait Attempt {
    /// The value that is waited for.
    type Value;

    /// The value, or the reason to retry.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl<T> Attempt for Option<T> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing yet".to_owned())
    }
}

impl<T, E: fmt::Display> Attempt for Result<T, E> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|error| error.to_string())
    }
}

impl Attempt for bool {
    type Value = ();

    fn outcome(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "not yet".to_owned())
    }
}

/// Retries `attempt` with growing pauses, for at most 15 seconds. Returns its first value.
///
/// # Panics
/// With `what` and the last attempt's reason, if the deadline passes.
pub async fn eventually<A: Attempt>(what: &str, attempt: impl AsyncFnMut() -> A) -> A::Value {
    eventually_within(TIMEOUT, what, attempt).await
}

/// As [`eventually`], with another deadline.
///
/// # Panics
/// With `what` and the last attempt's reason, if the deadline passes.
pub async fn eventually_within<A: Attempt>(
    timeout: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> A,
) -> A::Value {
    let mut pace = Pace::new(timeout);
    loop {
        if let Some(value) = pace.attempt(attempt()).await {
            return value;
        }
        let retry = pace.pause().await;
        assert!(retry, "{what}: not within {timeout:?}: {}", pace.reason);
    }
}

/// As [`eventually_within`], but returns the last attempt's reason instead of panicking. Its future can be spawned.
pub(crate) async fn within<A: Attempt, F: Future<Output = A>>(
    timeout: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<A::Value, String> {
    let mut pace = Pace::new(timeout);
    loop {
        if let Some(value) = pace.attempt(attempt()).await {
            return Ok(value);
        }
        if !pace.pause().await {
            return Err(pace.reason);
        }
    }
}

/// The pauses between attempts, and the last reason.
struct Pace {
    deadline: Instant,
    pause: Duration,
    reason: String,
}

impl Pace {
    fn new(timeout: Duration) -> Self {
        Self {
            deadline: Instant::now() + timeout,
            pause: Duration::from_millis(5),
            reason: "no attempt ended in time".to_owned(),
        }
    }

    /// The attempt's value. An attempt that hangs ends at the deadline.
    async fn attempt<A: Attempt>(&mut self, attempt: impl Future<Output = A>) -> Option<A::Value> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let outcome = tokio::time::timeout(left, attempt).await.ok()?.outcome();
        outcome.map_err(|reason| self.reason = reason).ok()
    }

    /// Waits, longer each time. False if the deadline comes first.
    async fn pause(&mut self) -> bool {
        if Instant::now() + self.pause >= self.deadline {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 3 / 2).min(MAX_PAUSE);
        true
    }
}
