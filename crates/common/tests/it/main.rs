//! What the contract promises.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bodies;
mod events;
mod values;
