//! The world of a simulation: one thread on which the services' own code runs as it might on many machines.
//!
//! Every external effect of a process (a read, a write, a message) is a step ([`Process::step`]). A step takes a random
//! span of virtual time in which others continue, and the process may die there. There is a step before each effect and
//! one after it, so a process can die between any two effects, also after an effect whose result it never receives.
//! All randomness comes from the seed: the same seed is the same history.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::backoff::seed_jitter;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// A world. Clones share it.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

struct State {
    random: SmallRng,
    steps: u64,
    /// The steps at which a process dies.
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
    /// The world of this seed, on this thread. A step takes up to `longest_step` milliseconds of virtual time.
    #[must_use]
    pub fn new(seed: u64, longest_step: u64) -> Self {
        seed_jitter(!seed);
        Self(Arc::new(Mutex::new(State {
            random: SmallRng::seed_from_u64(seed),
            steps: 0,
            deaths: BTreeSet::new(),
            longest_step,
            notes: None,
        })))
    }

    /// At each of these steps a process dies: the one that takes it or, if that one cannot die, the next one that can.
    pub fn doom(&self, steps: impl IntoIterator<Item = u64>) {
        self.lock().deaths.extend(steps);
    }

    /// Records notes from now on.
    pub fn take_notes(&self) {
        self.lock().notes = Some(Vec::new());
    }

    /// Records a note for the reader of this history.
    pub fn note(&self, text: impl FnOnce() -> String) {
        let mut state = self.lock();
        let step = state.steps;
        if let Some(notes) = &mut state.notes {
            notes.push(format!("{step:>5} {}", text()));
        }
    }

    /// The recorded notes.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.lock().notes.clone().unwrap_or_default()
    }

    /// A number that is the same after the same history, and almost certainly another after another history.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut state = self.lock();
        let steps = state.steps;
        state.random.random::<u64>() ^ steps
    }

    /// A new process.
    #[must_use]
    pub fn process(&self) -> Process {
        self.new_process(true)
    }

    /// A process outside of the services. It does not die.
    #[must_use]
    pub fn outsider(&self) -> Process {
        self.new_process(false)
    }

    fn new_process(&self, is_mortal: bool) -> Process {
        Process {
            world: self.clone(),
            is_mortal,
            dead: CancellationToken::new(),
        }
    }

    /// A random number below `end`.
    #[must_use]
    pub fn below(&self, end: u64) -> u64 {
        self.lock().random.random_range(0..end)
    }

    /// True with this probability, in percent.
    #[must_use]
    pub fn percent(&self, probability: u64) -> bool {
        self.below(100) < probability
    }

    /// The number of steps so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Counts a step. Returns how long it takes, or `None` if the process dies.
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
            state.random.random_range(0..=longest),
        ))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process of the world. Clones share it.
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

    /// Takes a step. If the process is dead or dies here, the future never completes.
    pub async fn step(&self) {
        if !self.dead.is_cancelled() {
            match self.world.count(self.is_mortal) {
                Some(duration) if duration.is_zero() => return,
                Some(duration) => sleep(duration).await,
                None => self.dead.cancel(),
            }
        }
        if self.dead.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether a failure of this probability (in percent) happens to it. None happens to a process that cannot die.
    #[must_use]
    pub fn is_unlucky(&self, probability: u64) -> bool {
        self.is_mortal && self.world.percent(probability)
    }

    /// Completes when the process dies.
    pub async fn died(&self) {
        self.dead.cancelled().await;
    }

    /// Whether the process is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }
}
