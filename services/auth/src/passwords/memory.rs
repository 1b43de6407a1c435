//! A pool of the buffers that passwords are hashed in. Buffers are reused while hashes are made, and freed after a
//! pause.
//!
//! A fresh buffer for each hash would cost a third more time, since the system clears each of its pages. Leaving the
//! reuse to the C library would cost hundreds of MiB, since it keeps freed memory for each thread that ever hashed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use argon2::Block;
use tokio::time::interval;

/// Unused buffers are freed after one to two times this duration.
const IDLE_TIME: Duration = Duration::from_secs(5);

/// The capacity of a buffer, in blocks of 1 KiB. The C library returns allocations of more than 32 MiB to the system
/// when they are freed (`M_MMAP_THRESHOLD` in mallopt(3)). Pages that no hash writes to take no memory.
const CAPACITY: usize = 33 * 1_024;

/// A new buffer. Dropping it returns its memory to the system.
pub(super) fn fresh() -> Vec<Block> {
    Vec::with_capacity(CAPACITY)
}

/// The pool. It grows to the largest number of concurrent hashes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    unused: Mutex<Vec<Vec<Block>>>,
    is_in_use: AtomicBool,
}

impl Memory {
    /// An empty pool.
    pub(super) fn new() -> Arc<Self> {
        let this = Arc::default();
        tokio::spawn(Self::free_idle(Arc::downgrade(&this)));
        this
    }

    /// Runs the work with exclusive use of a buffer.
    pub(super) fn with_buffer<T>(&self, work: impl FnOnce(&mut Vec<Block>) -> T) -> T {
        self.is_in_use.store(true, Ordering::Relaxed);
        let unused = self.unused().pop();
        let mut buffer = unused.unwrap_or_else(fresh);
        let result = work(&mut buffer);
        self.unused().push(buffer);
        result
    }

    async fn free_idle(this: Weak<Self>) {
        let mut ticks = interval(IDLE_TIME);
        loop {
            ticks.tick().await;
            let Some(this) = this.upgrade() else {
                return;
            };
            if !this.is_in_use.swap(false, Ordering::Relaxed) {
                this.unused().clear();
            }
        }
    }

    fn unused(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn consecutive_work_reuses_a_buffer() {
        let memory = Memory::new();
        memory.with_buffer(|blocks| blocks.push(Block::new()));
        assert_eq!(memory.with_buffer(|blocks| blocks.len()), 1);
        assert_eq!(memory.unused().len(), 1);
    }

    #[tokio::test]
    async fn concurrent_work_uses_separate_buffers() {
        let memory = Memory::new();
        memory.with_buffer(|_| assert_eq!(memory.with_buffer(|blocks| blocks.len()), 0));
        assert_eq!(memory.unused().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_buffers_are_freed() {
        let memory = Memory::new();
        for _ in 0..10 {
            sleep(IDLE_TIME).await;
            memory.with_buffer(|_| ());
            assert_eq!(memory.unused().len(), 1);
        }
        sleep(2 * IDLE_TIME).await;
        assert_eq!(memory.unused().len(), 0);
    }
}
