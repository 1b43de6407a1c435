//! The order and its state machine.

mod order;

pub use order::{CancelError, NotYetExpired, Order, OrderedTicket, PriceChanged};
