//! What can be found wrong, and how it is said.

use std::collections::BTreeMap;
use std::fmt;

/// How many violations of one invariant are told in full.
const TOLD: usize = 20;

/// What must always hold; the words are those of `ARCHITECTURE.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// A ticket has at most one live owner.
    I1,
    /// Money charged and kept is the price of complete orders.
    I2,
    /// Events take effect exactly once.
    I3,
    /// Versions only grow.
    I4,
    /// A payment that came too late is kept for a complete order or refunded.
    I5,
    /// Unpaid orders end in time.
    I6,
    /// Replicas agree with their owners.
    I7,
    /// What was acknowledged is there.
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
    /// Its short name: `I1`.
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

    /// What must hold, in a few words.
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

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// The ids of what violates it; for what is no entity, its name.
    pub entities: Vec<String>,
    /// What was found, with the states that contradict each other.
    pub words: String,
}

impl Violation {
    /// A violation by these entities.
    pub(crate) fn new<const N: usize>(
        invariant: Invariant,
        entities: [&dyn fmt::Display; N],
        words: impl Into<String>,
    ) -> Self {
        Self {
            invariant,
            entities: entities.map(ToString::to_string).into(),
            words: words.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.words)
    }
}

/// The violations by invariant, each once, the first few of each, and how many more there are.
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
            let more = same.len().saturating_sub(TOLD);
            same.truncate(TOLD);
            if more > 0 {
                same.push(Violation::new(invariant, [], format!("and {more} more")));
            }
            same
        })
        .collect()
}

#[cfg(test)]
mod tests;
