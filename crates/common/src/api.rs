//! Requests and responses of each service, as JSON.
//!
//! A `…Body` is an unvalidated request body: any field may be missing or have the wrong type. Parsing it gives a valid
//! [`Input`](crate::Input).

pub mod auth;
pub mod orders;
pub mod payments;
pub mod tickets;
