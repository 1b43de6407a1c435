//! One history: its seed, the deaths in it, and its outcome.

use std::fmt;
use std::time::Duration;

use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::fleet::Fleet;
use crate::invariants::{check, is_settled};
use crate::shopper::Shopper;
use crate::watch::Watch;
use crate::world::World;

/// The longest step, in milliseconds of virtual time.
const LONGEST_STEP: u64 = 8;

/// A usual history does its work in about so many steps.
const STEPS: u64 = 700;

/// The most deaths in a schedule that draws them.
const MOST_DEATHS: u64 = 6;

/// How long a history may take to become quiet.
const SETTLEMENT: Duration = Duration::from_mins(3);

/// Seeds from here on are long histories.
pub(crate) const LONG_SEEDS: u64 = 2_000_000;

/// The steps and deaths of a long history, as a multiple of those of a usual one.
const LONG: u64 = 40;

/// What determines a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The source of everything random.
    pub seed: u64,
    /// The steps at which a process dies; drawn from the seed if none are given.
    pub deaths: Option<Vec<u64>>,
}

/// The outcome of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The violations of invariants.
    pub violations: Vec<String>,
    /// The number of steps.
    pub steps: u64,
    /// A number that is equal for equal histories.
    pub fingerprint: u64,
    /// A log of the history, if one was requested.
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

    /// The history of this seed with a death at each of these steps.
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

    /// Runs the history.
    #[must_use]
    pub fn run(&self) -> Outcome {
        self.simulate(false)
    }

    /// Runs the history and logs it.
    #[must_use]
    pub fn replay(&self) -> Outcome {
        self.simulate(true)
    }

    fn simulate(&self, takes_notes: bool) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime needs nothing");
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, async {
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
            act(&fleet, &Crowd::of(&world, self.is_long())).await;
            let is_settled = settle(&fleet).await;
            Outcome {
                violations: check(&fleet, &watch, is_settled),
                steps: world.steps(),
                fingerprint: world.fingerprint(),
                notes: world.notes(),
            }
        })
    }
}

/// The participants of a history.
struct Crowd {
    tickets: u64,
    shoppers: u64,
    /// Shoppers arrive within so many milliseconds.
    within: u64,
    /// The limit of edits of a ticket, and the longest pause between them in milliseconds.
    edits: u64,
    pause: u64,
    /// The number of tickets that are edited.
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
                pause: 20_000,
                edited: 8,
            };
        }
        Self {
            tickets: 1 + world.below(2),
            shoppers: 2 + world.below(3),
            within: 2_500,
            edits: 3,
            pause: 4_000,
            edited: 1,
        }
    }
}

/// Runs everything that the seller and the shoppers do.
async fn act(fleet: &Fleet, crowd: &Crowd) {
    let seller = Shopper::new(fleet);
    let mut tickets = Vec::new();
    for _ in 0..crowd.tickets {
        tickets.push(seller.sell().await);
    }
    let mut actions = Vec::new();
    for _ in 0..crowd.shoppers {
        let (shopper, tickets, within) = (Shopper::new(fleet), tickets.clone(), crowd.within);
        actions.push(spawn_local(async move {
            Box::pin(shopper.shop(&tickets, within)).await;
        }));
    }
    if fleet.world.percent(40) {
        let last = *tickets.last().expect("there is one");
        let seller = seller.clone();
        actions.push(spawn_local(async move { seller.withdraw(last).await }));
    }
    let first = tickets[0];
    for ticket in tickets.into_iter().take(crowd.edited) {
        let (editor, times, longest) = (seller.clone(), crowd.edits, crowd.pause);
        let editing = async move { editor.edit(ticket, times, longest).await };
        actions.push(spawn_local(editing));
    }
    if fleet.world.percent(20) {
        actions.push(spawn_local(async move { seller.resync().await }));
    }
    if fleet.world.percent(30) {
        let fleet = fleet.clone();
        actions.push(spawn_local(async move { fleet.roll_back(first).await }));
    }
    for action in actions {
        action.await.expect("no action panics");
    }
}

/// Waits until nothing is left to do; false if that takes too long.
async fn settle(fleet: &Fleet) -> bool {
    let began = Instant::now();
    while began.elapsed() < SETTLEMENT {
        sleep(Duration::from_millis(250)).await;
        if is_settled(fleet) {
            return true;
        }
    }
    false
}
