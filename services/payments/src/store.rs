//! Payments and the replica of orders, in MongoDB.

mod document;
mod orders;
mod payments;

pub(crate) use orders::OrderStore;
pub(crate) use payments::{Due, PaymentStore};
