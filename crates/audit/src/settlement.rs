//! Waits until everything agrees after the end of load and faults, and finds what took too long.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Result;
use common::Timestamp;

use super::documents::timestamp;
use super::invariants;
use super::observer::{GRACE, RECOVERY};
use super::snapshot::Snapshot;
use super::violation::{Invariant, Violation};

/// A difference that is seen for longer than this is no longer in transit.
const IN_TRANSIT: Duration = Duration::from_secs(2);

/// How long the consequences of an order's end may take.
const AFTERMATH: Duration = Duration::from_secs(3);

/// How long the settlement of a payment may take after its process died: its lease of ten seconds, the next sweep,
/// three tries if Stripe stored a 500 for it, a call to Stripe, and the consequences.
const PAYMENT_RECOVERY: Duration = Duration::from_secs(24);

/// Orders that expire later than this after the run are not waited for.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How much longer than [`RECOVERY`] the servers may be unreadable.
const UNREADABLE: Duration = Duration::from_secs(15);

/// The pause between two snapshots.
pub(super) const EVERY: Duration = Duration::from_millis(250);

/// The phase from the end of load and faults until everything agrees.
pub(super) struct Settlement {
    since: Timestamp,
    /// When everything must agree. Orders that are still to expire extend it.
    until: Timestamp,
    pub(super) agreed_after: Option<Duration>,
    /// Whether the latest snapshot was right and nothing is left to wait for.
    done: bool,
    /// The violations of the latest snapshot, and since when each lasts.
    open: HashMap<String, Timestamp>,
    /// Violations that lasted for longer than they may, under the same keys.
    late: BTreeMap<String, Violation>,
}

impl Settlement {
    pub(super) fn since(since: Timestamp) -> Self {
        Self {
            since,
            until: since.plus(RECOVERY),
            agreed_after: None,
            done: false,
            open: HashMap::new(),
            late: BTreeMap::new(),
        }
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.done || now > self.until
    }

    /// Records the violations of a snapshot, and the orders that are still to expire.
    pub(super) fn observe(&mut self, snapshot: &Snapshot) {
        let last_expiry = self.last_expiry(snapshot);
        if let Some(expiry) = last_expiry {
            self.until = self.until.max(expiry.plus(GRACE).plus(AFTERMATH));
        }
        let found = invariants::of_state(snapshot);
        if found.iter().any(is_of_money) {
            self.until = self.until.max(self.since.plus(PAYMENT_RECOVERY));
        }
        if found.is_empty() && self.agreed_after.is_none() {
            self.agreed_after = Some(snapshot.taken_at.since(self.since));
        }
        self.done = found.is_empty() && last_expiry.is_none();
        let mut open = HashMap::new();
        for violation in found {
            let key = violation.to_string();
            let first = self.open.get(&key).copied().unwrap_or(snapshot.taken_at);
            let too_late = snapshot.taken_at > self.since.plus(recovery_limit(&violation));
            if too_late && snapshot.taken_at.since(first) > IN_TRANSIT {
                let late = lasting(&violation, self.since, snapshot.taken_at);
                self.late.insert(key.clone(), late);
            }
            open.insert(key, first);
        }
        self.open = open;
    }

    /// Violations that lasted too long and are gone at the end.
    pub(super) fn late_but_right(&self, wrong: &[Violation]) -> Vec<Violation> {
        let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        let late = self.late.iter().filter(|(key, _)| !wrong.contains(key));
        late.map(|(_, violation)| violation.clone()).collect()
    }

    /// Records that the servers could not be read; an error if that lasts.
    pub(super) fn missed(&mut self, error: anyhow::Error, now: Timestamp) -> Result<()> {
        if now > self.since.plus(RECOVERY).plus(UNREADABLE) {
            return Err(error);
        }
        self.until = self.until.max(now.plus(EVERY * 2));
        Ok(())
    }

    fn last_expiry(&self, snapshot: &Snapshot) -> Option<Timestamp> {
        let latest = self.since.plus(LONGEST_WAIT);
        let orders = snapshot.databases.orders.values();
        let active = orders.filter(|order| order.status.is_active());
        let expiries = active.map(|order| timestamp(order.expires_at));
        expiries.filter(|expiry| *expiry <= latest).max()
    }
}

pub(super) const fn is_of_money(violation: &Violation) -> bool {
    matches!(violation.invariant, Invariant::I2 | Invariant::I5)
}

/// How long a violation may last.
pub(super) const fn recovery_limit(violation: &Violation) -> Duration {
    if is_of_money(violation) {
        PAYMENT_RECOVERY
    } else {
        RECOVERY
    }
}

fn lasting(violation: &Violation, since: Timestamp, at: Timestamp) -> Violation {
    let after = at.since(since).as_secs();
    Violation {
        invariant: Invariant::I7,
        entities: violation.entities.clone(),
        message: format!("{after} s after the last fault: {violation}"),
    }
}

#[cfg(test)]
mod tests;
