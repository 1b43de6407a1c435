//! What a payment is, what may become of it, and what it needs to know of its order.

mod decline;
mod order;
mod payment;
mod reversal;

pub use decline::Decline;
pub use order::Order;
pub use payment::{Attempt, CardToken, Charge, Outcome, PayRefusal, Payment, RetryRefusal, Status};
pub use reversal::{Dispute, Reversals, Standing};
