//! The load held, counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::contract::{Breach, Outcome};
use super::{Ask, Scenario};

/// Requests of one kind, by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    /// By status; 0 stands for no answer.
    pub by_status: BTreeMap<u16, u64>,
}

impl Requests {
    /// How many ended so.
    #[must_use]
    pub(crate) fn ended(&self, outcome: Outcome) -> u64 {
        let with = |status: u16| match status {
            0 => Outcome::NoAnswer,
            status => Outcome::of(status),
        };
        let counts = self.by_status.iter();
        counts
            .filter(|(status, _)| with(**status) == outcome)
            .map(|(_, count)| count)
            .sum()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.by_status.values().sum()
    }
}

/// What was held in all.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// What shoppers did, and how often.
    pub scenarios: BTreeMap<&'static str, u64>,
    /// What was asked of the fleet.
    pub requests: BTreeMap<Ask, Requests>,
    /// Orders that shoppers saw expire.
    pub expired: u64,
    /// Answers outside the contract.
    pub breaches: Vec<Breach>,
    /// Shoppers that the harness lost by a fault of its own.
    pub panics: Vec<String>,
}

/// Counts while the load is held.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Held>);

impl Tally {
    /// A request, and its status; 0 if none came.
    pub(super) fn request(&self, ask: Ask, status: u16) {
        let mut held = self.lock();
        let requests = held.requests.entry(ask).or_default();
        *requests.by_status.entry(status).or_default() += 1;
    }

    /// A shopper begins something.
    pub(super) fn scenario(&self, scenario: Scenario) {
        *self.lock().scenarios.entry(scenario.name()).or_default() += 1;
    }

    /// An order was seen to expire.
    pub(super) fn expired(&self) {
        self.lock().expired += 1;
    }

    /// An answer outside the contract.
    pub(super) fn breach(&self, breach: Breach) {
        self.lock().breaches.push(breach);
    }

    pub(super) fn panicked(&self, words: &str) {
        self.lock().panics.push(words.to_owned());
    }

    /// All of it so far.
    pub(crate) fn held(&self) -> Held {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
