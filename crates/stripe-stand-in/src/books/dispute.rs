//! Disputes: a buyer's bank takes the money back, for good or until it decides otherwise.
//!
//! See <https://docs.stripe.com/disputes/how-disputes-work>. What is left of the charge is disputed, all of it.

use serde::Serialize;

use super::event::Cause;
use super::shelf::Item;
use super::{Books, new_id, now};
use crate::refusal::Refusal;
use crate::wire;

/// A charge that the buyer's bank wants back.
#[derive(Debug)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: DisputeStatus,
    pub(crate) created: i64,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeStatus {
    NeedsResponse,
    Won,
    Lost,
}

impl Item for Dispute {
    const NAME: &'static str = "dispute";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl Books {
    /// Opens a dispute about what is left of the intent's charge; its id.
    pub(crate) fn open_dispute(&mut self, intent: &str, cause: &Cause) -> Result<String, Refusal> {
        let id = self.paid_charge(intent)?;
        let charge = self.charges.known(&id);
        let left = charge.amount - charge.refunded;
        if left == 0 || charge.dispute.is_some() {
            let message = format!("Charge {id} has nothing left to dispute.");
            return Err(Refusal::conflicting(message));
        }
        let dispute = Dispute {
            id: new_id("du"),
            charge: id.clone(),
            intent: intent.to_owned(),
            amount: left,
            currency: charge.currency.clone(),
            status: DisputeStatus::NeedsResponse,
            created: now(),
        };
        let opened = dispute.id.clone();
        self.charges.known_mut(&id).dispute = Some(opened.clone());
        self.disputes.put(dispute);
        self.tell_dispute(
            &opened,
            &["charge.dispute.created", "charge.dispute.funds_withdrawn"],
            cause,
        );
        Ok(opened)
    }

    /// The bank decides.
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
        let dispute = self.disputes.known_mut(id);
        if won {
            dispute.status = DisputeStatus::Won;
            self.tell_dispute(
                id,
                &["charge.dispute.closed", "charge.dispute.funds_reinstated"],
                cause,
            );
        } else {
            dispute.status = DisputeStatus::Lost;
            let (charge, amount) = (dispute.charge.clone(), dispute.amount);
            self.charges.known_mut(&charge).lost += amount;
            self.tell_dispute(id, &["charge.dispute.closed"], cause);
        }
        Ok(())
    }

    fn tell_dispute(&mut self, id: &str, kinds: &[&'static str], cause: &Cause) {
        let object = wire::dispute(self.disputes.known(id));
        for kind in kinds {
            self.tell(kind, &object, cause);
        }
    }
}
