//! Violations of the invariants.

use std::collections::BTreeMap;
use std::fmt;

/// How many violations of one invariant are listed.
const LISTED: usize = 20;

/// The invariants of `ARCHITECTURE.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// A ticket has at most one live owner.
    I1,
    /// The money that was charged and kept is the price of complete orders.
    I2,
    /// Events take effect exactly once.
    I3,
    /// Versions only grow.
    I4,
    /// A late payment ends in a complete order or a full refund.
    I5,
    /// Unpaid orders end in time.
    I6,
    /// Replicas agree with their owners.
    I7,
    /// What was acknowledged is stored.
    I8,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: [Self; 8] = [
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I7,
        Self::I8,
    ];
}

impl Invariant {
    /// Its code, such as `I1`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::I1 => "I1",
            Self::I2 => "I2",
            Self::I3 => "I3",
            Self::I4 => "I4",
            Self::I5 => "I5",
            Self::I6 => "I6",
            Self::I7 => "I7",
            Self::I8 => "I8",
        }
    }

    /// The rule in one sentence.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::I1 => "a ticket has at most one live owner",
            Self::I2 => "charged − refunded = the price of complete orders",
            Self::I3 => "every committed event takes effect exactly once at each consumer",
            Self::I4 => "versions only grow",
            Self::I5 => "a late payment ends in a complete order or a full refund",
            Self::I6 => "no unpaid order lives more than 2 s past its expiry",
            Self::I7 => "replicas agree with their owners within 10 s of the last fault",
            Self::I8 => "what was acknowledged over HTTP can be read back",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.code(), self.rule()))
    }
}

/// A violation of an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant.
    pub invariant: Invariant,
    /// The ids of the entities that violate it; for a consumer its name.
    pub entities: Vec<String>,
    /// A description with the states that contradict each other.
    pub message: String,
}

impl Violation {
    /// A violation by these entities.
    pub(crate) fn new<const N: usize>(
        invariant: Invariant,
        entities: [&dyn fmt::Display; N],
        message: impl Into<String>,
    ) -> Self {
        Self {
            invariant,
            entities: entities.map(ToString::to_string).into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.message)
    }
}

/// The first violations of each invariant without duplicates, and the number of further ones.
pub(crate) fn bounded(violations: Vec<Violation>) -> Vec<Violation> {
    let mut by_invariant: BTreeMap<Invariant, Vec<Violation>> = BTreeMap::new();
    for violation in violations {
        let same = by_invariant.entry(violation.invariant).or_default();
        if !same.contains(&violation) {
            same.push(violation);
        }
    }
    by_invariant
        .into_iter()
        .flat_map(|(invariant, mut same)| {
            let more = same.len().saturating_sub(LISTED);
            same.truncate(LISTED);
            if more > 0 {
                same.push(Violation::new(invariant, [], format!("and {more} more")));
            }
            same
        })
        .collect()
}

#[cfg(test)]
mod tests;
