//! What a payment is, what may become of it, and what it needs to know of its order.

mod order;
mod payment;

pub use order::Order;
pub use payment::{
    Attempt, CardToken, Charge, Decline, Outcome, PayRefusal, Payment, RetryRefusal, Status,
};
