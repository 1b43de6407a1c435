//! The checker against a fleet that runs: silent while all is well, and not when something was damaged.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod checker;
