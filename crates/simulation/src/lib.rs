//! The saga in one thread: the services' own code on a database, a broker and a Stripe in memory, with everything that
//! happens drawn from a seed. Development only.
//!
//! Two processes of each service share a database; in some histories they are two releases that know different
//! subjects. Shoppers compete, pay, pay twice, cancel, and let orders expire. Messages arrive late, twice and in any
//! order, answers are lost, processes die between any two effects and restart, and money is refunded and disputed at
//! Stripe. The invariants are checked with every write and when nothing is left to do.
//!
//! The same seed is the same history, to the last step.

// Deciding whether futures that hold Stripe's deeply nested objects are `Send` takes many steps.
#![recursion_limit = "256"]

mod dashboard;
mod delivery;
mod fleet;
mod invariants;
mod memory;
mod record;
mod release;
mod replica;
mod schedule;
mod search;
mod services;
mod shopper;
mod stream;
mod stripe;
mod watch;
mod world;

pub use memory::Memory;
pub use schedule::{Outcome, Schedule};
pub use search::{Search, search, search_deaths, search_long};
pub use world::{Process, World};
