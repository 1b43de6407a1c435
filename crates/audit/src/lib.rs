//! Checks the invariants of `ARCHITECTURE.md` against the databases, the broker and Stripe's ledger. It never asks a
//! service, and it reads documents and events into types of its own.
//!
//! Each invariant is a pure function of plain data ([`Snapshot`], [`Stream`], [`Acknowledged`]), in `invariants`. There
//! are three ways to use them:
//!
//! - [`check`] is for data that the caller collected, such as that of a simulated fleet.
//! - [`Checker`] is for a real fleet whose load has ended, such as that of a chaos run. It reads everything at once.
//!   During the run its [`Watch`] reads everything that has a version again and again, to see what happens in between.
//! - [`live::audit`] is for a fleet at work, whatever its size. It reads page by page, and reads again what looks wrong
//!   until that is right or has been wrong for too long.

pub mod access;
mod acknowledged;
mod checker;
pub mod documents;
mod events;
#[cfg(test)]
mod fixture;
mod invariants;
pub mod ledger;
pub mod live;
mod observer;
mod settlement;
mod snapshot;
mod sources;
pub mod stripe;
mod violation;
mod watch;

pub use access::{Access, BrokerAccess, Credentials, DatabaseUris, QueueAccess};
pub use acknowledged::Acknowledged;
pub use checker::{Checker, Verdict};
pub use invariants::check;
pub use snapshot::{Databases, Snapshot, Stream};
pub use violation::{Invariant, Violation};
pub use watch::Watch;
