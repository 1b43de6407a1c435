//! What the fleet acknowledged over HTTP, and must have stored from then on.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use audit::Acknowledged;

/// All acknowledgements, in the order of the responses.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Acknowledged>>);

impl History {
    /// Records an acknowledgement.
    pub fn add(&self, acknowledged: Acknowledged) {
        self.lock().push(acknowledged);
    }

    /// All acknowledgements so far.
    #[must_use]
    pub fn all(&self) -> Vec<Acknowledged> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Acknowledged>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
