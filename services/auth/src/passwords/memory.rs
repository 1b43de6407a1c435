//! The memory that passwords are hashed in: used again while they keep coming, and given back when none came for a while.
//!
//! To take it afresh for each hash costs a third of the hash, for the system clears each page of it. To leave that to the
//! C library is worse: it keeps what it was given back for each of the threads that ever hashed, hundreds of MiB.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use argon2::Block;
use tokio::time::interval;

/// It is kept so long after its last use, and at most twice as long.
const KEPT: Duration = Duration::from_secs(5);

/// How many blocks of a KiB are asked for. Of more than 32 MiB the C library keeps nothing for itself (`M_MMAP_THRESHOLD`
/// in mallopt(3)). What no hash writes to takes no memory.
const CAPACITY: usize = 33 * 1_024;

/// Memory that was never used, and that the system has back as soon as it is dropped.
pub(super) fn fresh() -> Vec<Block> {
    Vec::with_capacity(CAPACITY)
}

/// As much memory as hashes were made at once.
#[derive(Debug, Default)]
pub(super) struct Memory {
    unused: Mutex<Vec<Vec<Block>>>,
    is_in_use: AtomicBool,
}

impl Memory {
    /// None yet.
    pub(super) fn new() -> Arc<Self> {
        let this = Arc::default();
        tokio::spawn(Self::give_back(Arc::downgrade(&this)));
        this
    }

    /// Does the work in memory that no other work is done in meanwhile.
    pub(super) fn lend<T>(&self, work: impl FnOnce(&mut Vec<Block>) -> T) -> T {
        self.is_in_use.store(true, Ordering::Relaxed);
        let unused = self.unused().pop();
        let mut memory = unused.unwrap_or_else(fresh);
        let done = work(&mut memory);
        self.unused().push(memory);
        done
    }

    async fn give_back(this: Weak<Self>) {
        let mut ticks = interval(KEPT);
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

    fn pieces(memory: &Memory) -> usize {
        memory.unused().len()
    }

    #[tokio::test]
    async fn work_after_work_is_done_in_the_same_memory() {
        let memory = Memory::new();
        memory.lend(|blocks| blocks.push(Block::new()));
        assert_eq!(memory.lend(|blocks| blocks.len()), 1);
        assert_eq!(pieces(&memory), 1);
    }

    #[tokio::test]
    async fn work_at_the_same_time_is_done_in_memory_of_its_own() {
        let memory = Memory::new();
        memory.lend(|_| assert_eq!(memory.lend(|blocks| blocks.len()), 0));
        assert_eq!(pieces(&memory), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_for_a_while_is_given_back() {
        let memory = Memory::new();
        for _ in 0..10 {
            sleep(KEPT).await;
            memory.lend(|_| ());
            assert_eq!(pieces(&memory), 1);
        }
        sleep(2 * KEPT).await;
        assert_eq!(pieces(&memory), 0);
    }
}
