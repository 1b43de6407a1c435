//! Many histories, one after the other on every core, until one breaks an invariant.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::Schedule;
use crate::schedule::LONG_SEEDS;

/// What a search through histories found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The first history, in the order of the search, that broke an invariant.
    pub broken: Option<Schedule>,
    /// How many histories came before it; all, if none did.
    pub sound: u64,
    /// How many steps were taken in all.
    pub steps: u64,
}

/// Lets histories happen, `count` of them, the n-th being `schedule(n)`, until one breaks an invariant.
#[must_use]
pub fn search(count: u64, schedule: impl Fn(u64) -> Schedule + Sync) -> Search {
    let (next, steps) = (AtomicU64::new(0), AtomicU64::new(0));
    let first_broken = Mutex::new(count);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // One before it may still be broken, so those are seen to the end.
            if number >= *first_broken.lock().unwrap_or_else(PoisonError::into_inner) {
                return;
            }
            let outcome = schedule(number).run();
            steps.fetch_add(outcome.steps, Ordering::Relaxed);
            if !outcome.violations.is_empty() {
                let mut first = first_broken.lock().unwrap_or_else(PoisonError::into_inner);
                *first = number.min(*first);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let sound = first_broken
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    Search {
        broken: (sound < count).then(|| schedule(sound)),
        sound,
        steps: steps.into_inner(),
    }
}

/// Lets long histories happen, `count` of them: many more tickets and shoppers, over minutes.
#[must_use]
pub fn search_long(count: u64) -> Search {
    search(count, |number| Schedule::of_seed(LONG_SEEDS + number))
}

/// Lets histories happen in which nobody dies by chance, but one process at each step in turn; `count` of them in all.
#[must_use]
pub fn search_deaths(count: u64) -> Search {
    /// Other histories than those that are looked through by their seeds alone.
    const FIRST_SEED: u64 = 1_000_000;
    let (mut sound, mut steps) = (0, 0);
    for seed in FIRST_SEED.. {
        let length = Schedule::with_deaths(seed, Vec::new()).run().steps;
        let found = search(length.min(count - sound), |number| {
            Schedule::with_deaths(seed, vec![number + 1])
        });
        sound += found.sound;
        steps += found.steps;
        if found.broken.is_some() || sound == count {
            let broken = found.broken;
            return Search {
                broken,
                sound,
                steps,
            };
        }
    }
    unreachable!("every history has steps")
}
