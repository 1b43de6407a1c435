//! What a ticket is and what may become of it.

mod ticket;

pub use ticket::{EditError, HeldByAnotherOrder, Ticket, WithdrawError};
