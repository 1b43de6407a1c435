//! What the fleet must survive, and the proof that it does. Development only.
//!
//! A run starts a fleet of its own, drives mixed load, injects faults on a schedule drawn from a seed, heals, waits, and
//! then checks the invariants of `ARCHITECTURE.md` by reading the databases, the stream and Stripe's ledger, never by
//! asking the services.

pub mod history;

pub use history::{Acknowledged, History};
