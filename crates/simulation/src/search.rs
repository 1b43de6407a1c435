//! Runs many histories on all cores until one breaks an invariant.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::Schedule;
use crate::schedule::LONG_SEEDS;

/// The result of a search through histories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The first history, in the order of the search, that broke an invariant.
    pub broken: Option<Schedule>,
    /// The number of histories before it, or of all histories if none did.
    pub sound: u64,
    /// The number of steps in all histories.
    pub steps: u64,
}

/// Runs `count` histories, of which the n-th is `schedule(n)`, until one breaks an invariant.
#[must_use]
pub fn search(count: u64, schedule: impl Fn(u64) -> Schedule + Sync) -> Search {
    let (next, steps) = (AtomicU64::new(0), AtomicU64::new(0));
    let first_broken = Mutex::new(count);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // An earlier history may still turn out to be broken, so those are completed.
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

/// Runs `count` long histories: many more tickets and shoppers, over minutes.
#[must_use]
pub fn search_long(count: u64) -> Search {
    search(count, |number| Schedule::of_seed(LONG_SEEDS + number))
}

/// Runs `count` histories in each of which one process dies, at each step in turn.
#[must_use]
pub fn search_deaths(count: u64) -> Search {
    /// Different histories from those of [`search`].
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
