//! The checker on a running fleet: it finds nothing in a sound fleet, and damage in a damaged one.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod checker;
