//! The ticket and its state machine.

mod ticket;

pub use ticket::{Availability, EditError, HeldByAnotherOrder, Ticket, WithdrawError};
