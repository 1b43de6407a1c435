//! Logs events that may happen thousands of times a second, once a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(1);

/// Counts something, and logs the count at most once a second.
#[derive(Debug, Default)]
pub struct ThrottledLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often it happened since it was last logged.
    count: u64,
    logged: Option<Instant>,
}

impl ThrottledLog {
    /// Counts one more. Calls `log` with the count since the last call: the first time at once, then once a second.
    pub fn record(&self, log: impl FnOnce(u64)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        let now = Instant::now();
        if state.logged.is_none_or(|last| now - last >= INTERVAL) {
            state.logged = Some(now);
            let count = std::mem::take(&mut state.count);
            drop(state);
            log(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn frequent_events_are_logged_once_a_second() {
        let events = ThrottledLog::default();
        let mut logged = Vec::new();
        for _ in 0..250 {
            events.record(|count| logged.push(count));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert_eq!(logged, [1, 100, 100]);
    }
}
