//! The schedule of faults, drawn from a seed, so that a run can be repeated.

mod draw;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::fault::{Fault, Kind};

/// The limit of faults that are active at once. A fleet in which nothing works proves little.
const MOST_AT_ONCE: usize = 3;

/// The shortest pause between two faults of the same resource.
const RECOVERY: Duration = Duration::from_millis(1_500);

/// The time of load without faults at the start.
const FIRST: Duration = Duration::from_secs(1);

/// How often a time for a fault is drawn.
const TRIES: u32 = 300;

/// A fault and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// When it begins, since the start of the schedule.
    pub begins: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// The fault.
    pub fault: Fault,
}

/// All faults of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The faults in the order of their start.
    pub planned: Vec<Planned>,
    /// The kinds for which there was no time.
    pub left_out: Vec<Kind>,
}

impl Schedule {
    /// The schedule of this seed. It has each of the kinds at least once if there is time, and ends before `length`.
    #[must_use]
    pub fn draw(seed: u64, length: Duration, kinds: &BTreeSet<Kind>) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut order: Vec<_> = kinds.iter().copied().collect();
        order.shuffle(&mut random);
        // Long faults are placed first, because they are harder to place.
        order.sort_by_key(|kind| match kind {
            Kind::Suspend => 0,
            Kind::RollingRestart => 1,
            _ => 2,
        });
        let mut schedule = Self {
            planned: Vec::new(),
            left_out: Vec::new(),
        };
        for &kind in &order {
            if !schedule.place(kind, length, &mut random) {
                schedule.left_out.push(kind);
            }
        }
        // More faults until on average one and a half are active.
        let more: Vec<_> = order
            .iter()
            .copied()
            .filter(|kind| draw::repeats(*kind))
            .collect();
        while let Some(kind) = draw::one_of(&more, &mut random)
            && schedule.total() * 2 < length * 3
            && schedule.place(kind, length, &mut random)
        {}
        schedule.planned.sort_by_key(|planned| planned.begins);
        schedule
    }

    /// Finds a time and a target for a fault of this kind; false if there is none.
    fn place(&mut self, kind: Kind, length: Duration, random: &mut StdRng) -> bool {
        for tried in 0..TRIES {
            // The duration shrinks with each try.
            let lasts = draw::duration(kind, length, random) * (TRIES - tried / 2) / TRIES;
            let Some(latest) = length.checked_sub(lasts + RECOVERY / 2) else {
                continue;
            };
            if latest < FIRST {
                continue;
            }
            let planned = Planned {
                begins: draw::between(FIRST, latest, random),
                lasts: draw::tenths(lasts),
                fault: draw::fault(kind, random),
            };
            if self.has_room_for(&planned) {
                self.planned.push(planned);
                return true;
            }
        }
        false
    }

    fn has_room_for(&self, new: &Planned) -> bool {
        let resources = new.fault.resources();
        let at_same_time: Vec<_> = self
            .planned
            .iter()
            .filter(|planned| planned.overlaps(new))
            .collect();
        let has_common_resource = |planned: &&Planned| {
            let theirs = planned.fault.resources();
            theirs.iter().any(|resource| resources.contains(resource))
        };
        let is_crowded = |time: Duration| {
            let active = at_same_time
                .iter()
                .filter(|planned| planned.is_active(time));
            active.count() >= MOST_AT_ONCE
        };
        let taken = self
            .planned
            .iter()
            .filter(|planned| planned.is_near(new))
            .any(|planned| has_common_resource(&planned));
        // The number of active faults grows only where one begins.
        let begins = at_same_time
            .iter()
            .map(|planned| planned.begins.max(new.begins));
        !taken && !begins.chain([new.begins]).any(is_crowded)
    }

    /// The sum of the durations of all faults.
    fn total(&self) -> Duration {
        self.planned.iter().map(|planned| planned.lasts).sum()
    }
}

impl Planned {
    /// When it is healed.
    #[must_use]
    pub fn ends(&self) -> Duration {
        self.begins + self.lasts
    }

    fn is_active(&self, time: Duration) -> bool {
        (self.begins..self.ends()).contains(&time)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.begins < other.ends() && other.begins < self.ends()
    }

    /// As [`Planned::overlaps`], including the time to recover.
    fn is_near(&self, other: &Self) -> bool {
        self.begins < other.ends() + RECOVERY && other.begins < self.ends() + RECOVERY
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for planned in &self.planned {
            let (begins, ends) = (planned.begins.as_secs_f64(), planned.ends().as_secs_f64());
            writeln!(f, "  {begins:>6.1} – {ends:>5.1} s  {}", planned.fault)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn all() -> BTreeSet<Kind> {
        Kind::ALL.into()
    }

    #[test]
    fn the_same_seed_draws_the_same_schedule() {
        for seed in 0..10 {
            let (one, two) = (
                Schedule::draw(seed, MINUTE, &all()),
                Schedule::draw(seed, MINUTE, &all()),
            );
            assert_eq!(one, two);
        }
        assert_ne!(
            Schedule::draw(1, MINUTE, &all()),
            Schedule::draw(2, MINUTE, &all())
        );
    }

    #[test]
    fn a_minute_has_every_kind_of_fault() {
        for seed in 0..60 {
            let schedule = Schedule::draw(seed, MINUTE, &all());
            let kinds: BTreeSet<_> = schedule
                .planned
                .iter()
                .map(|planned| planned.fault.kind)
                .collect();
            assert_eq!(
                (kinds, schedule.left_out),
                (all(), Vec::new()),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn everything_is_healed_before_the_end() {
        for (seed, seconds) in (0..40).flat_map(|seed| [(seed, 5), (seed, 20), (seed, 60)]) {
            let length = Duration::from_secs(seconds);
            let schedule = Schedule::draw(seed, length, &all());
            assert!(
                schedule
                    .planned
                    .iter()
                    .all(|planned| planned.ends() < length),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn concurrent_faults_have_different_resources_and_are_few() {
        for seed in 0..30 {
            let schedule = Schedule::draw(seed, MINUTE, &all());
            for planned in &schedule.planned {
                let others = schedule.planned.iter().filter(|other| *other != planned);
                let mine = planned.fault.resources();
                for other in others.clone().filter(|other| other.overlaps(planned)) {
                    let shared = other.fault.resources().iter().any(|one| mine.contains(one));
                    assert!(
                        !shared,
                        "seed {seed}: {} and {}",
                        planned.fault, other.fault
                    );
                }
                let active = others
                    .filter(|other| other.is_active(planned.begins))
                    .count();
                assert!(active < MOST_AT_ONCE, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_single_chosen_kind_is_the_only_one_and_is_repeated() {
        let schedule = Schedule::draw(7, MINUTE, &BTreeSet::from([Kind::Kill]));
        assert!(schedule.planned.len() > 1);
        assert!(
            schedule
                .planned
                .iter()
                .all(|planned| planned.fault.kind == Kind::Kill)
        );
    }
}
