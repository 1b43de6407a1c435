//! What the fleet acknowledged over HTTP: from then on it must be there.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use audit::Acknowledged;

/// Everything that was acknowledged, in the order in which the answers came.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Acknowledged>>);

impl History {
    /// Takes note of an answer.
    pub fn add(&self, acknowledged: Acknowledged) {
        self.lock().push(acknowledged);
    }

    /// All of it so far.
    #[must_use]
    pub fn all(&self) -> Vec<Acknowledged> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Acknowledged>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
