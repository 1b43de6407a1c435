//! What an order is and what may become of it.

mod order;

pub use order::{CancelError, NotYetExpired, Order, OrderedTicket, PriceChanged};
