//! How long to wait until everything agrees, and what took too long.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Result;
use common::Timestamp;

use super::documents::moment;
use super::invariants;
use super::sightings::{GRACE, RECOVERY};
use super::snapshot::Snapshot;
use super::violation::{Invariant, Violation};

/// What is apart in two looks so far from each other is not just under way.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// How long what follows from an order's end may take.
const AFTERMATH: Duration = Duration::from_secs(3);

/// How long a payment may take to be settled whose process died: its lease of ten seconds, the next sweep, three tries if
/// Stripe stored a 500 for it, a call to Stripe, and what follows from it.
pub(super) const SETTLEMENT: Duration = Duration::from_secs(24);

/// Orders that expire so long after the run are left alive: nobody waits a quarter of an hour for them.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How much longer than everything else an answer of a server may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often the checker looks whether everything agrees.
pub(super) const EVERY: Duration = Duration::from_millis(250);

/// The time from the end of load and faults until everything agrees.
pub(super) struct Settling {
    since: Timestamp,
    /// When everything should agree; later while orders live that are waited for.
    until: Timestamp,
    pub(super) agreed_after: Option<Duration>,
    /// Whether the latest look found everything right and nothing to wait for.
    done: bool,
    /// What was apart, and since when.
    apart: HashMap<String, Timestamp>,
    /// What was apart for longer than it may, under the same keys.
    late: BTreeMap<String, Violation>,
}

impl Settling {
    pub(super) fn since(since: Timestamp) -> Self {
        Self {
            since,
            until: since.plus(RECOVERY),
            agreed_after: None,
            done: false,
            apart: HashMap::new(),
            late: BTreeMap::new(),
        }
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.done || now > self.until
    }

    /// Takes note of what a look finds, and of which orders are still to end.
    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        let waited_for = self.last_expiry(snapshot);
        if let Some(expiry) = waited_for {
            self.until = self.until.max(expiry.plus(GRACE).plus(AFTERMATH));
        }
        let found = invariants::of_state(snapshot);
        if found.iter().any(is_of_money) {
            self.until = self.until.max(self.since.plus(SETTLEMENT));
        }
        if found.is_empty() && self.agreed_after.is_none() {
            self.agreed_after = Some(snapshot.taken_at.since(self.since));
        }
        self.done = found.is_empty() && waited_for.is_none();
        let mut apart = HashMap::new();
        for violation in found {
            let key = violation.to_string();
            let first = self.apart.get(&key).copied().unwrap_or(snapshot.taken_at);
            let patience = if is_of_money(&violation) {
                SETTLEMENT
            } else {
                RECOVERY
            };
            let too_late = snapshot.taken_at > self.since.plus(patience);
            if too_late && snapshot.taken_at.since(first) > UNDER_WAY {
                let late = lasting(&violation, self.since, snapshot.taken_at);
                self.late.insert(key.clone(), late);
            }
            apart.insert(key, first);
        }
        self.apart = apart;
    }

    /// What came right in the end and took too long for it.
    pub(super) fn late_but_right(&self, wrong: &[Violation]) -> Vec<Violation> {
        let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        let late = self.late.iter().filter(|(key, _)| !wrong.contains(key));
        late.map(|(_, violation)| violation.clone()).collect()
    }

    /// The servers were not there to be looked at; an error if that lasts.
    pub(super) fn missed(&mut self, error: anyhow::Error, now: Timestamp) -> Result<()> {
        if now > self.since.plus(RECOVERY).plus(PATIENCE) {
            return Err(error);
        }
        self.until = self.until.max(now.plus(EVERY * 2));
        Ok(())
    }

    fn last_expiry(&self, snapshot: &Snapshot) -> Option<Timestamp> {
        let latest = self.since.plus(LONGEST_WAIT);
        let orders = snapshot.databases.orders.values();
        let active = orders.filter(|order| order.status.is_active());
        let expiries = active.map(|order| moment(order.expires_at));
        expiries.filter(|expiry| *expiry <= latest).max()
    }
}

pub(super) const fn is_of_money(violation: &Violation) -> bool {
    matches!(violation.invariant, Invariant::I2 | Invariant::I5)
}

fn lasting(violation: &Violation, since: Timestamp, at: Timestamp) -> Violation {
    let after = at.since(since).as_secs();
    Violation {
        invariant: Invariant::I7,
        entities: violation.entities.clone(),
        words: format!("{after} s after the last fault: {violation}"),
    }
}

#[cfg(test)]
mod tests;
