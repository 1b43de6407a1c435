//! The saga through many histories, and the world in which they happen.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod histories;
mod memory;
