//! Things that may happen many thousand times a second, told of once a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const TOLD_EVERY: Duration = Duration::from_secs(1);

/// How often something happened since it was last told of.
#[derive(Debug, Default)]
pub struct Occurrences(Mutex<Untold>);

#[derive(Debug, Default)]
struct Untold {
    count: u64,
    told: Option<Instant>,
}

impl Occurrences {
    /// It happened once more; `tell` is given how often it did, the first time at once and then once a second.
    pub fn take_note(&self, tell: impl FnOnce(u64)) {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untold.count += 1;
        let now = Instant::now();
        if untold.told.is_none_or(|told| now - told >= TOLD_EVERY) {
            untold.told = Some(now);
            let count = std::mem::take(&mut untold.count);
            drop(untold);
            tell(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_happens_often_is_told_of_once_a_second() {
        let occurrences = Occurrences::default();
        let mut told = Vec::new();
        for _ in 0..250 {
            occurrences.take_note(|count| told.push(count));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert_eq!(told, [1, 100, 100]);
    }
}
