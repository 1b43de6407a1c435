//! Which orders still wait for their end.

mod open_orders;

pub use open_orders::{OpenOrders, Share};
