//! A few histories, in a build without optimisation; `cargo xtask test` runs ten thousand.

use simulation::{Schedule, Search, search, search_deaths, search_long};

fn expect_sound(found: &Search) {
    if let Some(broken) = &found.broken {
        let outcome = broken.replay();
        panic!(
            "{broken} breaks {:#?}\n{}",
            outcome.violations,
            outcome.notes.join("\n")
        );
    }
}

#[test]
fn no_history_breaks_an_invariant() {
    expect_sound(&search(300, Schedule::of_seed));
}

#[test]
fn no_death_at_any_step_breaks_an_invariant() {
    expect_sound(&search_deaths(60));
}

#[test]
fn no_long_history_breaks_an_invariant() {
    expect_sound(&search_long(2));
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in 0..10 {
        let schedule = Schedule::of_seed(seed);
        assert_eq!(schedule.run(), schedule.run(), "{schedule}");
    }
}
