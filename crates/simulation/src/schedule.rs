//! One history: a seed, the deaths in it, and how it ended.

use std::fmt;
use std::time::Duration;

use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::fleet::Fleet;
use crate::invariants::{Violation, Watch, check};
use crate::shopper::Shopper;
use crate::world::World;

/// How long a step takes at most, in milliseconds of virtual time.
const LONGEST_STEP: u64 = 8;

/// In about so many steps a schedule does what it does; those later only find everything done.
const STEPS: u64 = 700;

/// The most deaths in a schedule that draws them.
const MOST_DEATHS: u64 = 6;

/// What is not quiet after so long will never be.
const PATIENCE: Duration = Duration::from_mins(3);

/// Seeds from here on are of long histories.
pub(crate) const LONG_SEEDS: u64 = 2_000_000;

/// How many times the steps and the deaths of a usual history a long one has.
const LONG: u64 = 40;

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

    const fn is_long(&self) -> bool {
        self.seed >= LONG_SEEDS
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
                let times = if self.is_long() { LONG } else { 1 };
                let deaths: Vec<_> = (0..world.below(MOST_DEATHS * times + 1))
                    .map(|_| world.below(STEPS * times))
                    .collect();
                world.doom(deaths);
            }
            let fleet = Fleet::start(&world);
            let watch = Watch::over(&fleet);
            story(&fleet, &Crowd::of(&world, self.is_long())).await;
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

/// Who takes part in a history, and for how long.
struct Crowd {
    tickets: u64,
    shoppers: u64,
    /// Within how many milliseconds they come.
    within: u64,
    /// How many edits each ticket has at most, and the milliseconds between them.
    edits: u64,
    between: u64,
    /// How many of the tickets are edited.
    edited: usize,
}

impl Crowd {
    fn of(world: &World, is_long: bool) -> Self {
        if is_long {
            return Self {
                tickets: 20 + world.below(20),
                shoppers: 100 + world.below(60),
                within: 240_000,
                edits: 30,
                between: 20_000,
                edited: 8,
            };
        }
        Self {
            tickets: 1 + world.below(2),
            shoppers: 2 + world.below(3),
            within: 2_500,
            edits: 3,
            between: 4_000,
            edited: 1,
        }
    }
}

/// What everybody wants, until everybody has done it.
async fn story(fleet: &Fleet, crowd: &Crowd) {
    let seller = Shopper::new(fleet);
    let mut tickets = Vec::new();
    for _ in 0..crowd.tickets {
        tickets.push(seller.sell().await);
    }
    let mut everybody = Vec::new();
    for _ in 0..crowd.shoppers {
        let (shopper, tickets, within) = (Shopper::new(fleet), tickets.clone(), crowd.within);
        everybody.push(spawn_local(async move {
            Box::pin(shopper.shop(&tickets, within)).await;
        }));
    }
    if fleet.world.percent(40) {
        let last = *tickets.last().expect("there is one");
        let seller = seller.clone();
        everybody.push(spawn_local(async move { seller.withdraw(last).await }));
    }
    let first = tickets[0];
    for ticket in tickets.into_iter().take(crowd.edited) {
        let (editor, times, longest) = (seller.clone(), crowd.edits, crowd.between);
        let editing = async move { editor.edit(ticket, times, longest).await };
        everybody.push(spawn_local(editing));
    }
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
