//! A violation of each kind is planted in a sound fleet, and must be found.

mod history;
mod state;

use super::check;
use crate::acknowledged::Acknowledged;
use crate::fixture;
use crate::snapshot::{Snapshot, Stream};
use crate::violation::{Invariant, Violation};

/// All data that is checked.
struct World {
    snapshot: Snapshot,
    stream: Stream,
    acknowledged: Vec<Acknowledged>,
}

fn check_after(damage: impl FnOnce(&mut World)) -> Vec<Violation> {
    let mut world = World {
        snapshot: fixture::snapshot(),
        stream: fixture::stream(),
        acknowledged: fixture::acknowledged(),
    };
    damage(&mut world);
    check(&world.snapshot, &world.stream, &world.acknowledged)
}

/// Asserts that the damage is found as a violation of this invariant, with this in its message.
#[track_caller]
fn finds(invariant: Invariant, message: &str, damage: impl FnOnce(&mut World)) {
    let found = check_after(damage);
    let is_expected = |violation: &Violation| {
        violation.invariant == invariant && violation.message.contains(message)
    };
    assert!(found.iter().any(is_expected), "not found among {found:#?}");
}

#[test]
fn a_sound_fleet_has_no_violations() {
    assert_eq!(check_after(|_| {}), []);
}
