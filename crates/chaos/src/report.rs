//! The result of a run, as data and as text.

mod faults;
mod load;
mod verdict;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::checker::{Verdict, Violation};
use crate::fault::Kind;
use crate::history::{Acknowledged, History};
use crate::inject::Injection;
use crate::load::LoadCounts;

/// The width of a line.
const WIDTH: usize = 100;

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// The seed of the run.
    pub seed: u64,
    /// How long faults were injected.
    pub length: Duration,
    /// How many shoppers there were at once.
    pub shoppers: usize,
    /// How long an order could be paid.
    pub expiration: Duration,
    /// Kinds of faults for which there was no time.
    pub left_out: Vec<Kind>,
    /// The load.
    pub load: LoadCounts,
    /// The acknowledgements.
    pub history: Arc<History>,
    /// The faults in the order of their start.
    pub injections: Vec<Injection>,
    /// The result of the check at the end.
    pub verdict: Verdict,
    /// The violations during the run.
    pub seen: Vec<Violation>,
    /// Processes that ended unexpectedly, or did not stop in order.
    pub faulty_ends: Vec<String>,
    /// The folder with logs and findings, if anything was found.
    pub evidence: Option<PathBuf>,
}

/// The number of acknowledgements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acknowledgements {
    /// Accounts.
    pub accounts: usize,
    /// Created tickets.
    pub tickets: usize,
    /// Orders.
    pub placed: usize,
    /// Payments.
    pub paid: usize,
    /// Cancelled orders.
    pub cancelled: usize,
}

impl Report {
    /// Whether the run found nothing wrong, and enough happened.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults_found() == 0 && !self.proves_nothing() && self.failed_injections() == 0
    }

    /// The number of faults of the fleet.
    #[must_use]
    pub fn faults_found(&self) -> usize {
        self.verdict.violations.len()
            + self.seen.len()
            + self.load.breaches.len()
            + self.load.panics.len()
            + self.faulty_ends.len()
    }

    /// Whether too little happened to find anything.
    #[must_use]
    pub fn proves_nothing(&self) -> bool {
        let counted = self.acknowledgements();
        counted.placed == 0
            || counted.paid == 0
            || counted.cancelled == 0
            || self.verdict.events == 0
    }

    /// The number of acknowledgements.
    #[must_use]
    pub fn acknowledgements(&self) -> Acknowledgements {
        let mut counted = Acknowledgements::default();
        for acknowledged in self.history.all() {
            match acknowledged {
                Acknowledged::SignedUp { .. } => counted.accounts += 1,
                Acknowledged::TicketCreated { .. } => counted.tickets += 1,
                Acknowledged::TicketEdited { .. } | Acknowledged::TicketWithdrawn { .. } => {}
                Acknowledged::OrderPlaced { .. } => counted.placed += 1,
                Acknowledged::OrderCancelled { .. } => counted.cancelled += 1,
                Acknowledged::Paid { .. } => counted.paid += 1,
            }
        }
        counted
    }

    fn failed_injections(&self) -> usize {
        let failed = self
            .injections
            .iter()
            .filter(|injection| injection.failed.is_some());
        failed.count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, expiration) = (self.length.as_secs(), self.expiration.as_secs());
        writeln!(
            f,
            "Chaos, seed {}: {seconds} s of faults, {} shoppers, orders expire after {expiration} s\n",
            self.seed, self.shoppers
        )?;
        load::write(f, self)?;
        faults::write(f, self)?;
        verdict::write(f, self)
    }
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes the text after `first`, in indented lines of limited width.
fn wrapped(f: &mut fmt::Formatter<'_>, first: &str, text: &str) -> fmt::Result {
    let indent = first.chars().count();
    let mut line = first.to_owned();
    for word in text.split_whitespace() {
        let width = line.chars().count();
        if width > indent && width + 1 + word.chars().count() > WIDTH {
            writeln!(f, "{line}")?;
            line = " ".repeat(indent);
        } else if width > indent {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(f, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped() {
        let grouped = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567"]);
    }
}
