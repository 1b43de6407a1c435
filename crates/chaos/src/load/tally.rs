//! Counts the load.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::contract::{Breach, Outcome};
use super::{Operation, Scenario};

/// The requests of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    /// By status; 0 stands for no response.
    pub by_status: BTreeMap<u16, u64>,
}

impl Requests {
    /// The number with this outcome.
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

    /// The number of all requests.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.by_status.values().sum()
    }
}

/// The counts of all shoppers.
#[derive(Debug, Clone, Default)]
pub struct LoadCounts {
    /// How often each scenario was started.
    pub scenarios: BTreeMap<&'static str, u64>,
    /// The requests by operation.
    pub requests: BTreeMap<Operation, Requests>,
    /// The number of orders that shoppers saw expire.
    pub expired: u64,
    /// Responses that break the contract.
    pub breaches: Vec<Breach>,
    /// Shoppers that panicked.
    pub panics: Vec<String>,
}

/// Counts while the load runs.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<LoadCounts>);

impl Tally {
    /// Counts a request by its status; 0 if there was no response.
    pub(super) fn request(&self, operation: Operation, status: u16) {
        let mut counts = self.lock();
        let requests = counts.requests.entry(operation).or_default();
        *requests.by_status.entry(status).or_default() += 1;
    }

    /// Counts the start of a scenario.
    pub(super) fn scenario(&self, scenario: Scenario) {
        *self.lock().scenarios.entry(scenario.name()).or_default() += 1;
    }

    /// Counts an order that was seen to expire.
    pub(super) fn expired(&self) {
        self.lock().expired += 1;
    }

    /// Records a response that breaks the contract.
    pub(super) fn breach(&self, breach: Breach) {
        self.lock().breaches.push(breach);
    }

    pub(super) fn panicked(&self, message: &str) {
        self.lock().panics.push(message.to_owned());
    }

    /// All counts so far.
    pub(crate) fn counts(&self) -> LoadCounts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, LoadCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
