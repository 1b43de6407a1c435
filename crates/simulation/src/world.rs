//! A world of one thread and a seed, in which the services' own code runs as it might on many machines.
//!
//! Whatever a process does outside itself (a read, a write, a message) is a step ([`Process::step`]): it takes a random
//! moment of virtual time in which everybody else goes on, and it is where a process may die. There is a step before
//! each effect and one after it, so a process dies between any two effects, and also after one that it never learns
//! of. Everything random comes from the seed: the same seed is the same history.
//!
//! For simulations only; what is deployed is built without it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

thread_local! {
    /// The jitter of backoffs, which have no place to carry a world in.
    static JITTER: RefCell<Option<SmallRng>> = const { RefCell::new(None) };
}

/// A world. Clones are the same one.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

struct State {
    chance: SmallRng,
    steps: u64,
    /// The steps at which whoever takes them dies.
    deaths: BTreeSet<u64>,
    longest_step: u64,
    notes: Option<Vec<String>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    /// A world of this seed, on this thread. Steps take up to `longest_step` milliseconds of virtual time.
    #[must_use]
    pub fn new(seed: u64, longest_step: u64) -> Self {
        JITTER.set(Some(SmallRng::seed_from_u64(!seed)));
        Self(Arc::new(Mutex::new(State {
            chance: SmallRng::seed_from_u64(seed),
            steps: 0,
            deaths: BTreeSet::new(),
            longest_step,
            notes: None,
        })))
    }

    /// Lets whoever takes one of these steps die there, or the next one who can.
    pub fn doom(&self, steps: impl IntoIterator<Item = u64>) {
        self.lock().deaths.extend(steps);
    }

    /// From now on notes are kept.
    pub fn take_notes(&self) {
        self.lock().notes = Some(Vec::new());
    }

    /// Something that a reader of this history wants to know.
    pub fn note(&self, words: impl FnOnce() -> String) {
        let mut state = self.lock();
        let step = state.steps;
        if let Some(notes) = &mut state.notes {
            notes.push(format!("{step:>5} {}", words()));
        }
    }

    /// The notes that were taken.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.lock().notes.clone().unwrap_or_default()
    }

    /// A number that is the same after the same history, and hardly after another.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut state = self.lock();
        let steps = state.steps;
        state.chance.random::<u64>() ^ steps
    }

    /// A new process.
    #[must_use]
    pub fn process(&self) -> Process {
        self.body(true)
    }

    /// Somebody outside of all processes, who does not die.
    #[must_use]
    pub fn outsider(&self) -> Process {
        self.body(false)
    }

    fn body(&self, is_mortal: bool) -> Process {
        Process {
            world: self.clone(),
            is_mortal,
            dead: CancellationToken::new(),
        }
    }

    /// A number below `end`.
    #[must_use]
    pub fn below(&self, end: u64) -> u64 {
        self.lock().chance.random_range(0..end)
    }

    /// True this often in a hundred.
    #[must_use]
    pub fn percent(&self, often: u64) -> bool {
        self.below(100) < often
    }

    /// How many steps were taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Counts a step: how long it takes, or `None` if it is somebody's last.
    fn count(&self, is_mortal: bool) -> Option<Duration> {
        let mut state = self.lock();
        state.steps += 1;
        if is_mortal
            && state.deaths.first() <= Some(&state.steps)
            && state.deaths.pop_first().is_some()
        {
            return None;
        }
        let longest = state.longest_step;
        Some(Duration::from_millis(
            state.chance.random_range(0..=longest),
        ))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process of the world. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Process {
    world: World,
    is_mortal: bool,
    dead: CancellationToken,
}

impl Process {
    /// Its world.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// One step outside the process. In a process that is dead, or dies here, it never ends.
    pub async fn step(&self) {
        if !self.dead.is_cancelled() {
            match self.world.count(self.is_mortal) {
                Some(moment) if moment.is_zero() => return,
                Some(moment) => sleep(moment).await,
                None => self.dead.cancel(),
            }
        }
        if self.dead.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether a misfortune befalls it that comes this often in a hundred. Whoever cannot die has only luck.
    pub fn is_unlucky(&self, often: u64) -> bool {
        self.is_mortal && self.world.percent(often)
    }

    /// Ends when the process dies.
    pub async fn died(&self) {
        self.dead.cancelled().await;
    }

    /// Whether the process is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }
}

/// A jitter between the two bounds from the world's seed; `None` outside of a world.
pub fn jitter(least: f64, most: f64) -> Option<f64> {
    JITTER.with_borrow_mut(|chance| Some(chance.as_mut()?.random_range(least..=most)))
}
