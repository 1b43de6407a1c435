//! What the payments service does with the events of others.

mod orders;

pub(crate) use orders::OrderEvents;

/// The service's queue group.
pub(crate) const QUEUE_GROUP: &str = "payments-service";
