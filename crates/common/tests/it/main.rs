//! Tests of the contract.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bodies;
mod events;
mod values;
