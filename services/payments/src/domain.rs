//! Payments and the orders that they pay.

mod attempt;
mod decline;
mod order;
mod payment;
mod refusal;
mod reversal;
mod status;

pub use attempt::{Attempt, CardToken, Outcome};
pub use decline::Decline;
pub use order::Order;
pub use payment::Payment;
pub(crate) use payment::{PaymentRecord, STUCK_AFTER};
pub use refusal::{PayRefusal, RetryRefusal};
pub use reversal::{Dispute, DisputeState, Reversals};
pub use status::{Charge, Status};
