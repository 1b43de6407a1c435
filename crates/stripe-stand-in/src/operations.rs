//! Changes of objects that emit events.

mod cancel;
mod confirm;
mod dispute;
mod refund;

pub(crate) use confirm::Confirmation;
pub(crate) use refund::NewRefund;
