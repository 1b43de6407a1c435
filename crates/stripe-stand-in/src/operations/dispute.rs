//! Disputes: the buyer's bank takes back what is left of a charge, finally or until it decides otherwise.
//!
//! See <https://docs.stripe.com/disputes/how-disputes-work>.

use crate::books::{Books, Dispute, DisputeStatus, new_id};
use crate::clock::now;
use crate::event::Cause;
use crate::refusal::Refusal;
use crate::wire;

impl Books {
    /// Opens a dispute about what is left of the intent's charge and returns its id.
    pub(crate) fn open_dispute(&mut self, intent: &str, cause: &Cause) -> Result<String, Refusal> {
        let id = self.paid_charge(intent)?;
        let charge = self.charges.existing_mut(&id);
        let left = charge.amount - charge.refunded;
        if left == 0 || charge.dispute.is_some() {
            let message = format!("Charge {id} has nothing left to dispute.");
            return Err(Refusal::conflicting(message));
        }
        let opened = new_id("du");
        charge.dispute = Some(opened.clone());
        let dispute = Dispute {
            id: opened.clone(),
            charge: id,
            intent: intent.to_owned(),
            amount: left,
            currency: charge.currency.clone(),
            status: DisputeStatus::NeedsResponse,
            created: now(),
        };
        self.disputes.insert(dispute);
        self.emit_dispute(
            &opened,
            &["charge.dispute.created", "charge.dispute.funds_withdrawn"],
            cause,
        );
        Ok(opened)
    }

    /// Records the bank's decision.
    pub(crate) fn close_dispute(
        &mut self,
        id: &str,
        won: bool,
        cause: &Cause,
    ) -> Result<(), Refusal> {
        if self.disputes.find(id)?.status != DisputeStatus::NeedsResponse {
            let message = "This dispute is already closed";
            return Err(Refusal::conflicting(message));
        }
        let dispute = self.disputes.existing_mut(id);
        if won {
            dispute.status = DisputeStatus::Won;
            self.emit_dispute(
                id,
                &["charge.dispute.closed", "charge.dispute.funds_reinstated"],
                cause,
            );
        } else {
            dispute.status = DisputeStatus::Lost;
            let (charge, amount) = (dispute.charge.clone(), dispute.amount);
            self.charges.existing_mut(&charge).lost += amount;
            self.emit_dispute(id, &["charge.dispute.closed"], cause);
        }
        Ok(())
    }

    fn emit_dispute(&mut self, id: &str, kinds: &[&'static str], cause: &Cause) {
        let object = wire::dispute(self.disputes.existing(id));
        for kind in kinds {
            self.emit(kind, &object, cause);
        }
    }
}
