//! Says whether what must always hold does hold, by the databases, the broker and Stripe's ledger, and never by asking
//! a service.
//!
//! Each invariant of `ARCHITECTURE.md` is a pure function of what was read, in `invariants`. Documents and events are
//! read into types of this crate's own. There are two ways to use them:
//!
//! - [`Checker`] is for a fleet whose load has ended, such as that of a chaos run: it reads everything at once, and
//!   while the run goes on its [`Watch`] looks at what has versions, so that nothing between the beginning and the
//!   end is left out.
//! - [`live::audit`] is for a fleet at work, whatever its size: it reads page by page, and looks again at what is not
//!   right until it either comes right or has been wrong for too long.

pub mod access;
mod acknowledged;
mod checker;
pub mod documents;
mod invariants;
pub mod ledger;
pub mod live;
#[cfg(test)]
mod sample;
mod settling;
mod sightings;
mod snapshot;
mod sources;
pub mod stripe;
mod told;
mod violation;
mod watch;

pub use access::{Access, BrokerAccess, Credentials, DatabaseUris, QueueAccess};
pub use acknowledged::Acknowledged;
pub use checker::{Checker, Verdict};
pub use violation::{Invariant, Violation};
pub use watch::Watch;
