//! The contract's documents equal their frozen copies; rules of compatibility; and the metrics that all services declare.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod asyncapi;
mod compatibility;
mod frozen;
mod metrics;
mod rules;
mod validators;
