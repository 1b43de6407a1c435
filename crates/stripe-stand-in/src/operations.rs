//! Changes of objects that emit events.

mod cancel;
mod confirm;
mod dispute;
mod refund;

use crate::books::Books;
use crate::refusal::Refusal;
use crate::wire;

pub(crate) use confirm::Confirmation;
pub(crate) use refund::NewRefund;

impl Books {
    /// A refusal because of the intent's state.
    fn unexpected_state(&self, id: &str, message: impl Into<String>) -> Refusal {
        Refusal::conflicting(message)
            .code("payment_intent_unexpected_state")
            .with("payment_intent", wire::bare_intent(self, id))
    }
}
