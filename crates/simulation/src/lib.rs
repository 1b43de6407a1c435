//! The saga in one thread: the services' own code, over a database, a broker and a Stripe in memory, through whatever
//! order of things a seed draws. Development only.
//!
//! Two processes of each service share a database, in some histories of two releases that know different subjects.
//! Shoppers race, pay, pay twice, change their minds and let orders expire; messages come late, twice and in any order;
//! answers get lost; processes die between any two effects and come back; money is refunded and disputed at Stripe. When
//! all is quiet, the invariants are checked on what the databases, the stream and Stripe hold.
//!
//! A seed is a schedule: the same seed is the same history, to the last step.

// Whether futures that hold Stripe's deeply nested objects may be sent takes many steps to find out.
#![recursion_limit = "256"]

mod books;
mod dashboard;
mod fleet;
mod invariants;
mod memory;
mod release;
mod replica;
mod schedule;
mod search;
mod shopper;
mod stream;
mod stripe;
mod world;

pub use invariants::Violation;
pub use memory::Memory;
pub use schedule::{Outcome, Schedule};
pub use search::{Search, search, search_deaths, search_long};
pub use world::{Process, World};
