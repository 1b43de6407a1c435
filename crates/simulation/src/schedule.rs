//! One history: a seed, the deaths in it, and how it ended.

use std::fmt;
use std::time::Duration;

use service::simulation::World;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::fleet::Fleet;
use crate::invariants::{Violation, Watch, check};
use crate::shopper::Shopper;

/// How long a step takes at most, in milliseconds of virtual time.
const LONGEST_STEP: u64 = 8;

/// In about so many steps a schedule does what it does; those later only find everything done.
const STEPS: u64 = 700;

/// The most deaths in a schedule that draws them.
const MOST_DEATHS: u64 = 6;

/// What is not quiet after so long will never be.
const PATIENCE: Duration = Duration::from_mins(3);

/// What determines a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// From which everything random is drawn.
    pub seed: u64,
    /// At which steps somebody dies; drawn from the seed if none is given.
    pub deaths: Option<Vec<u64>>,
}

/// How a history ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What must not be.
    pub violations: Vec<Violation>,
    /// How many steps were taken.
    pub steps: u64,
    /// Of everything that was stored, published and charged, in one number: the same history has the same.
    pub fingerprint: u64,
    /// What happened, if notes were taken.
    pub notes: Vec<String>,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        match &self.deaths {
            Some(deaths) => write!(f, ", deaths at steps {deaths:?}"),
            None => Ok(()),
        }
    }
}

impl Schedule {
    /// The history of this seed.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self { seed, deaths: None }
    }

    /// The same history up to these steps, at each of which somebody dies.
    #[must_use]
    pub const fn with_deaths(seed: u64, deaths: Vec<u64>) -> Self {
        Self {
            seed,
            deaths: Some(deaths),
        }
    }

    /// Lets it happen.
    #[must_use]
    pub fn run(&self) -> Outcome {
        self.happen(false)
    }

    /// Lets it happen, and takes notes.
    #[must_use]
    pub fn replay(&self) -> Outcome {
        self.happen(true)
    }

    fn happen(&self, takes_notes: bool) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime needs nothing");
        let everything = LocalSet::new();
        everything.block_on(&runtime, async {
            let world = World::new(self.seed, LONGEST_STEP);
            if takes_notes {
                world.take_notes();
            }
            if let Some(deaths) = &self.deaths {
                world.doom(deaths.iter().copied());
            } else {
                let deaths: Vec<_> = (0..world.below(MOST_DEATHS + 1))
                    .map(|_| world.below(STEPS))
                    .collect();
                world.doom(deaths);
            }
            let fleet = Fleet::start(&world);
            let watch = Watch::over(&fleet);
            story(&fleet).await;
            let settled = settle(&fleet).await;
            Outcome {
                violations: check(&fleet, &watch, settled),
                steps: world.steps(),
                fingerprint: world.fingerprint(),
                notes: world.notes(),
            }
        })
    }
}

/// What everybody wants, until everybody has done it.
async fn story(fleet: &Fleet) {
    let seller = Shopper::new(fleet);
    let mut tickets = Vec::new();
    for _ in 0..=fleet.world.below(2) {
        tickets.push(seller.sell().await);
    }
    let mut everybody = Vec::new();
    for _ in 0..2 + fleet.world.below(3) {
        let (shopper, tickets) = (Shopper::new(fleet), tickets.clone());
        everybody.push(spawn_local(async move {
            Box::pin(shopper.shop(&tickets)).await;
        }));
    }
    let (editor, first) = (seller.clone(), tickets[0]);
    everybody.push(spawn_local(async move { editor.edit(first).await }));
    if fleet.world.percent(20) {
        everybody.push(spawn_local(async move { seller.resync().await }));
    }
    if fleet.world.percent(30) {
        let fleet = fleet.clone();
        everybody.push(spawn_local(async move { fleet.roll_back(first).await }));
    }
    for one in everybody {
        one.await.expect("nobody panics");
    }
}

/// Waits until nothing is left to do; false if that never comes.
async fn settle(fleet: &Fleet) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        sleep(Duration::from_millis(250)).await;
        if crate::invariants::is_settled(fleet) {
            return true;
        }
    }
    false
}
