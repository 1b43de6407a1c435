//! A violation of each kind is planted in a fleet in which all is well, and must be found.

mod history;
mod state;

use super::{of_history, of_state};
use crate::acknowledged::Acknowledged;
use crate::sample;
use crate::snapshot::{Snapshot, Stream};
use crate::violation::{Invariant, Violation};

/// All that is checked.
struct World {
    snapshot: Snapshot,
    stream: Stream,
    acknowledged: Vec<Acknowledged>,
}

fn check(damage: impl FnOnce(&mut World)) -> Vec<Violation> {
    let mut world = World {
        snapshot: sample::snapshot(),
        stream: sample::stream(),
        acknowledged: sample::acknowledged(),
    };
    damage(&mut world);
    let mut found = of_state(&world.snapshot);
    found.extend(of_history(
        &world.snapshot,
        &world.stream,
        &world.acknowledged,
    ));
    found
}

/// Whether the damage is found as a violation of this invariant, in these words among others.
#[track_caller]
fn finds(invariant: Invariant, words: &str, damage: impl FnOnce(&mut World)) {
    let found = check(damage);
    let hit =
        |violation: &Violation| violation.invariant == invariant && violation.words.contains(words);
    assert!(found.iter().any(hit), "not found among {found:#?}");
}

#[test]
fn a_fleet_in_which_all_is_well_passes() {
    assert_eq!(check(|_| {}), []);
}
