//! What the fleet must survive, and the proof that it does. Development only.
//!
//! A run starts a fleet of its own, drives mixed load, injects faults on a schedule drawn from a seed, heals, waits, and
//! then checks the invariants of `ARCHITECTURE.md` by reading the databases, the stream and Stripe's ledger, never by
//! asking the services.

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
