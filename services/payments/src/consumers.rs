//! Consumers of other services' events.

mod orders;

pub(crate) use orders::OrderEvents;

/// The service's queue group.
pub(crate) const QUEUE_GROUP: &str = "payments-service";
