//! Violations that may be in transit: each is checked again until it is gone, or has lasted for longer than anything in
//! transit may.

use std::collections::{BTreeMap, BTreeSet};

use common::Timestamp;

use super::gathering::Roots;
use crate::settlement::{is_of_money, recovery_limit};
use crate::violation::{Invariant, Violation};

/// The limit of suspects; a fleet with so many violations is broken in any case.
const MOST: usize = 5_000;

/// The broken invariant and the entities.
type Subject = (Invariant, Vec<String>);

/// Everything that is checked again.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    open: BTreeMap<String, Suspect>,
    /// Everything that was ever suspected.
    seen: BTreeSet<Subject>,
    /// Whether the limit was exceeded.
    pub(super) crowded: bool,
    pub(super) violations: Vec<Violation>,
}

#[derive(Debug, Clone)]
struct Suspect {
    violation: Violation,
    roots: Roots,
    /// Since when every check found it with the same message.
    since: Timestamp,
}

/// The result of all checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) violations: Vec<Violation>,
    /// What kept changing until the end.
    pub(super) undecided: Vec<Violation>,
    /// How many were in transit and are gone.
    pub(super) settled: usize,
    pub(super) crowded: bool,
}

impl Suspects {
    /// Adds a violation of the first check.
    pub(super) fn add(&mut self, violation: Violation, roots: Roots, at: Timestamp) {
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

    /// What to read again, in parts of about this size.
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

    /// Records another check of all suspects, which began at `at`.
    pub(super) fn recheck(&mut self, found: Vec<(Violation, Roots)>, at: Timestamp) {
        let before = std::mem::take(&mut self.open);
        for (violation, roots) in found {
            let key = violation.to_string();
            let since = before.get(&key).map_or(at, |suspect| suspect.since);
            if at.since(since) > recovery_limit(&violation) {
                if !self.violations.contains(&violation) {
                    self.violations.push(violation);
                }
            } else {
                self.add(violation, roots, since);
            }
        }
    }

    /// The result.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1_000)
    }

    fn found(message: &str) -> Violation {
        Violation::new(Invariant::I7, [&"a"], message)
    }

    fn outcome_of(checks: &[(i64, &str)]) -> Outcome {
        let mut suspects = Suspects::default();
        suspects.add(found("differs"), Roots::default(), at(0));
        for (seconds, message) in checks {
            let found = (!message.is_empty()).then(|| (found(message), Roots::default()));
            suspects.recheck(found.into_iter().collect(), at(*seconds));
        }
        suspects.finish()
    }

    #[test]
    fn a_violation_that_ends_was_in_transit() {
        let outcome = outcome_of(&[(1, "differs"), (2, "")]);
        assert_eq!((outcome.settled, outcome.violations), (1, vec![]));
    }

    #[test]
    fn a_violation_that_lasts_is_reported() {
        let outcome = outcome_of(&[(5, "differs"), (10, "differs")]);
        assert_eq!(outcome.violations, []);
        assert_eq!(outcome.undecided, [found("differs")]);
        let outcome = outcome_of(&[(5, "differs"), (11, "differs")]);
        assert_eq!(outcome.violations, [found("differs")]);
        assert_eq!((outcome.settled, outcome.undecided), (0, vec![]));
    }

    #[test]
    fn a_violation_that_changes_is_undecided() {
        let outcome = outcome_of(&[
            (9, "differs in another way"),
            (18, "differs"),
            (27, "differs in another way"),
        ]);
        assert_eq!(outcome.violations, []);
        assert_eq!(outcome.undecided, [found("differs in another way")]);
    }

    #[test]
    fn a_violation_of_money_may_last_as_long_as_a_payment_recovers() {
        let mut suspects = Suspects::default();
        let money = Violation::new(Invariant::I5, [&"a"], "pending");
        suspects.add(money.clone(), Roots::default(), at(0));
        suspects.recheck(vec![(money.clone(), Roots::default())], at(23));
        assert!(suspects.violations.is_empty());
        suspects.recheck(vec![(money.clone(), Roots::default())], at(25));
        assert_eq!(suspects.finish().violations, [money]);
    }
}
