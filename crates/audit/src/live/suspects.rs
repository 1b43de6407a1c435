//! What was found wrong and may be under way: it is looked at again until it comes right, or has been wrong for longer
//! than anything under way may be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::Timestamp;

use super::gathering::Roots;
use crate::settling::{SETTLEMENT, is_of_money};
use crate::sightings::RECOVERY;
use crate::violation::{Invariant, Violation};

/// More than that are not looked at: a fleet of which so much is wrong is wrong.
const MOST: usize = 5_000;

/// What is wrong with whom.
type Subject = (Invariant, Vec<String>);

/// Everything that is looked at again.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    open: BTreeMap<String, Suspect>,
    /// Whoever was ever suspected.
    seen: BTreeSet<Subject>,
    /// Whether some were left out.
    pub(super) crowded: bool,
    pub(super) violations: Vec<Violation>,
}

#[derive(Debug, Clone)]
struct Suspect {
    violation: Violation,
    roots: Roots,
    /// Since when each look found it, in these words.
    since: Timestamp,
}

/// What became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) violations: Vec<Violation>,
    /// What was never the same for long enough, to the end.
    pub(super) undecided: Vec<Violation>,
    /// How many were under way and came right.
    pub(super) settled: usize,
    pub(super) crowded: bool,
}

impl Suspects {
    /// Takes note of a finding of the first look.
    pub(super) fn suspect(&mut self, violation: Violation, roots: Roots, at: Timestamp) {
        if self.open.len() >= MOST {
            self.crowded = true;
            return;
        }
        self.seen.insert(subject(&violation));
        let suspect = Suspect {
            violation,
            roots,
            since: at,
        };
        let key = suspect.violation.to_string();
        self.open.entry(key).or_insert(suspect);
    }

    /// What to look at again, in parts of about this size.
    pub(super) fn roots(&self, size: usize) -> Vec<Roots> {
        let mut parts = Vec::new();
        let mut part = Roots::default();
        for suspect in self.open.values() {
            part.extend(&suspect.roots);
            if part.orders.len() >= size {
                parts.push(std::mem::take(&mut part));
            }
        }
        if part != Roots::default() {
            parts.push(part);
        }
        parts
    }

    pub(super) fn are_of_money(&self) -> bool {
        self.open
            .values()
            .any(|suspect| is_of_money(&suspect.violation))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes note of another look at all of them, and of when it began.
    pub(super) fn look(&mut self, found: Vec<(Violation, Roots)>, at: Timestamp) {
        let before = std::mem::take(&mut self.open);
        for (violation, roots) in found {
            let key = violation.to_string();
            let since = before.get(&key).map_or(at, |suspect| suspect.since);
            if at.since(since) > patience(&violation) {
                if !self.violations.contains(&violation) {
                    self.violations.push(violation);
                }
            } else {
                self.suspect(violation, roots, since);
            }
        }
    }

    /// What is known of them in the end.
    pub(super) fn finish(self) -> Outcome {
        let undecided: Vec<_> = self
            .open
            .into_values()
            .map(|suspect| suspect.violation)
            .collect();
        let wrong = self.violations.iter().chain(&undecided);
        let wrong: BTreeSet<_> = wrong.map(subject).collect();
        Outcome {
            settled: self.seen.difference(&wrong).count(),
            violations: self.violations,
            undecided,
            crowded: self.crowded,
        }
    }
}

fn subject(violation: &Violation) -> Subject {
    (violation.invariant, violation.entities.clone())
}

/// How long something may be under way.
fn patience(violation: &Violation) -> Duration {
    if is_of_money(violation) {
        SETTLEMENT
    } else {
        RECOVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1_000)
    }

    fn found(words: &str) -> Violation {
        Violation::new(Invariant::I7, [&"a"], words)
    }

    fn looks(looks: &[(i64, &str)]) -> Outcome {
        let mut suspects = Suspects::default();
        suspects.suspect(found("apart"), Roots::default(), at(0));
        for (seconds, words) in looks {
            let found = (!words.is_empty()).then(|| (found(words), Roots::default()));
            suspects.look(found.into_iter().collect(), at(*seconds));
        }
        suspects.finish()
    }

    #[test]
    fn what_comes_right_was_under_way() {
        let outcome = looks(&[(1, "apart"), (2, "")]);
        assert_eq!((outcome.settled, outcome.violations), (1, vec![]));
    }

    #[test]
    fn what_stays_wrong_for_longer_than_it_may_is_a_violation() {
        let outcome = looks(&[(5, "apart"), (10, "apart")]);
        assert_eq!(outcome.violations, []);
        assert_eq!(outcome.undecided, [found("apart")]);
        let outcome = looks(&[(5, "apart"), (11, "apart")]);
        assert_eq!(outcome.violations, [found("apart")]);
        assert_eq!((outcome.settled, outcome.undecided), (0, vec![]));
    }

    #[test]
    fn what_changes_is_under_way() {
        let outcome = looks(&[
            (9, "apart otherwise"),
            (18, "apart"),
            (27, "apart otherwise"),
        ]);
        assert_eq!(outcome.violations, []);
        assert_eq!(outcome.undecided, [found("apart otherwise")]);
    }

    #[test]
    fn money_may_take_as_long_as_a_settlement() {
        let mut suspects = Suspects::default();
        let money = Violation::new(Invariant::I5, [&"a"], "pending");
        suspects.suspect(money.clone(), Roots::default(), at(0));
        suspects.look(vec![(money.clone(), Roots::default())], at(23));
        assert!(suspects.violations.is_empty());
        suspects.look(vec![(money.clone(), Roots::default())], at(25));
        assert_eq!(suspects.finish().violations, [money]);
    }
}
