//! The documents of the contract are made from the code, and change as they may.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod asyncapi;
mod compatibility;
mod frozen;
mod metrics;
mod rules;
mod validators;
