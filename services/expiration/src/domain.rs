//! The open orders of an event history.

mod open_orders;

pub use open_orders::{OpenOrders, Share};
