//! Counts the changes that this process knows of, so that caches can detect stale entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::feed::Feed;

/// A count of changes: this process's own writes, and those that its feed reports. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Changes(Arc<AtomicU64>);

impl Changes {
    /// Counts a change.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts a change when the guard is dropped, because even a failed or cancelled write may have taken effect.
    pub const fn note_on_drop(&self) -> ChangeGuard<'_> {
        ChangeGuard(self)
    }

    /// Counts every event of the feed, until the feed ends.
    pub async fn follow<T: Clone + Send + Sync + 'static>(self, feed: Feed<T>) {
        let mut subscription = feed.subscribe(None);
        while subscription.next().await.is_some() {
            self.note();
        }
    }

    /// The number of changes so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts a change when it is dropped.
#[derive(Debug)]
#[must_use = "the change is counted where this is dropped"]
pub struct ChangeGuard<'a>(&'a Changes);

impl Drop for ChangeGuard<'_> {
    fn drop(&mut self) {
        self.0.note();
    }
}
