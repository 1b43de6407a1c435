//! Cancellation of an intent that was not paid.

use crate::books::{Books, Canceled, Status};
use crate::clock::now;
use crate::event::Cause;
use crate::refusal::Refusal;
use crate::wire;

impl Books {
    /// Cancels an intent that has not succeeded.
    pub(crate) fn cancel(
        &mut self,
        id: &str,
        reason: Option<&'static str>,
        cause: &Cause,
    ) -> Result<(), Refusal> {
        let intent = self.intents.find(id)?;
        if matches!(intent.status, Status::Succeeded | Status::Canceled) {
            let message = format!(
                "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one \
                 of the following statuses may be canceled: requires_payment_method, requires_capture, \
                 requires_confirmation, requires_action, processing.",
                intent.status.name()
            );
            return Err(self.unexpected_state(id, message));
        }
        let intent = self.intents.existing_mut(id);
        intent.status = Status::Canceled;
        intent.next_action = None;
        intent.canceled = Some(Canceled { at: now(), reason });
        let intent = wire::bare_intent(self, id);
        self.emit("payment_intent.canceled", &intent, cause);
        Ok(())
    }
}
