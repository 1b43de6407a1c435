//! The simulation, and the database that it runs on.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod histories;
mod memory;
