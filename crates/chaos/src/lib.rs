//! Chaos: tests that the fleet survives faults. Development only.
//!
//! A run starts its own fleet, drives mixed load, injects faults on a schedule drawn from a seed, heals them, waits,
//! and then checks the invariants of `ARCHITECTURE.md` (`audit`) in the databases, the stream and Stripe's ledger.

pub mod checker;
mod evidence;
pub mod fault;
pub mod history;
pub mod inject;
pub mod load;
pub mod overload;
mod readiness;
pub mod report;
mod run;
pub mod schedule;
pub mod settings;
mod warm_up;

pub use history::{Acknowledged, History};
pub use report::Report;
pub use run::run;
pub use schedule::Schedule;
pub use settings::ChaosSettings;
