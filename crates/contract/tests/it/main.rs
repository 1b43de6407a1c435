//! The contract's documents match the code and change only in compatible ways.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod asyncapi;
mod compatibility;
mod frozen;
mod metrics;
mod rules;
mod validators;
