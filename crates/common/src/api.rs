//! Requests and responses, service by service, as `CONTRACT`-compatible JSON.
//!
//! A `…Body` is what arrives, every field of which may be missing or of the wrong type; the input of the same
//! name without `Body` is what it becomes when nothing is wrong with it ([`Input`](crate::Input)).

pub mod auth;
pub mod orders;
pub mod payments;
pub mod tickets;
