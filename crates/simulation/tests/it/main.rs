//! The saga through thousands of histories.
//!
//! How many is said by `SIMULATION_SCHEDULES`; `cargo xtask test` asks for ten thousand of an optimised build.

use simulation::{Schedule, Search, search};

/// How many histories a build without optimisation has the time for.
const FEW: u64 = 300;

fn schedules() -> u64 {
    let wanted = std::env::var("SIMULATION_SCHEDULES").ok();
    wanted.map_or(FEW, |wanted| wanted.parse().expect("a number"))
}

fn expect_sound(found: &Search) {
    if let Some(broken) = &found.broken {
        let told = broken.replay();
        panic!(
            "{broken} breaks {:#?}\n{}",
            told.violations,
            told.notes.join("\n")
        );
    }
}

#[test]
fn no_history_breaks_an_invariant() {
    expect_sound(&search(schedules(), Schedule::of_seed));
}

/// Nobody dies by chance: in each history one process dies, at each step in turn.
#[test]
fn no_death_at_any_step_breaks_an_invariant() {
    let mut left = schedules() / 5;
    for seed in 1_000_000.. {
        let steps = Schedule::with_deaths(seed, Vec::new()).run().steps;
        let deaths = steps.min(left);
        expect_sound(&search(deaths, |number| {
            Schedule::with_deaths(seed, vec![number + 1])
        }));
        left -= deaths;
        if left == 0 {
            return;
        }
    }
}

#[test]
fn a_seed_is_a_history() {
    for seed in 0..schedules() / 50 {
        let schedule = Schedule::of_seed(seed);
        assert_eq!(schedule.replay(), schedule.replay(), "{schedule}");
    }
}
