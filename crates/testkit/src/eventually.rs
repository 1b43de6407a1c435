//! Waiting for a condition, with a deadline.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// What an attempt gives: a value, or not yet.
pub trait Attempt {
    /// What is waited for.
    type Value;

    /// The value, or why it is not there yet.
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

/// The first value that `attempt` gives, tried again with small growing pauses for at most 15 seconds.
///
/// # Panics
/// With `what` and the last attempt's reason, if it never gives one.
pub async fn eventually<A: Attempt>(what: &str, attempt: impl AsyncFnMut() -> A) -> A::Value {
    eventually_within(PATIENCE, what, attempt).await
}

/// As [`eventually`], with a deadline of one's own.
///
/// # Panics
/// With `what` and the last attempt's reason, if the deadline passes.
pub async fn eventually_within<A: Attempt>(
    patience: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> A,
) -> A::Value {
    let mut pace = Pace::new(patience);
    loop {
        if let Some(value) = pace.attempt(attempt()).await {
            return value;
        }
        let again = pace.pause().await;
        assert!(again, "{what}: not within {patience:?}: {}", pace.reason);
    }
}

/// As [`eventually_within`], giving the last attempt's reason instead of panicking; a future that may be spawned.
pub(crate) async fn within<A: Attempt, F: Future<Output = A>>(
    patience: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<A::Value, String> {
    let mut pace = Pace::new(patience);
    loop {
        if let Some(value) = pace.attempt(attempt()).await {
            return Ok(value);
        }
        if !pace.pause().await {
            return Err(pace.reason);
        }
    }
}

/// When to try again, and why it did not work so far.
struct Pace {
    deadline: Instant,
    pause: Duration,
    reason: String,
}

impl Pace {
    fn new(patience: Duration) -> Self {
        Self {
            deadline: Instant::now() + patience,
            pause: Duration::from_millis(5),
            reason: "no attempt ended".to_owned(),
        }
    }

    /// The attempt's value. An attempt that hangs is cut off at the deadline.
    async fn attempt<A: Attempt>(&mut self, attempt: impl Future<Output = A>) -> Option<A::Value> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let outcome = tokio::time::timeout(left, attempt).await.ok()?.outcome();
        outcome.map_err(|reason| self.reason = reason).ok()
    }

    /// Waits a little longer each time; false if the deadline is too near for that.
    async fn pause(&mut self) -> bool {
        if Instant::now() + self.pause >= self.deadline {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        true
    }
}
