//! Refunds, never of more than was charged, and never of money that is disputed.

use std::collections::BTreeMap;

use serde_json::json;

use crate::books::{Books, Charge, DisputeStatus, Refund, new_id};
use crate::clock::now;
use crate::event::Cause;
use crate::refusal::Refusal;
use crate::wire;

/// The parameters of a new refund.
#[derive(Debug)]
pub(crate) struct NewRefund {
    pub(crate) charge: String,
    /// `None` refunds all that is left.
    pub(crate) amount: Option<i64>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Books {
    /// The successful charge of an intent.
    pub(crate) fn paid_charge(&self, intent: &str) -> Result<String, Refusal> {
        let found = self.intents.get(intent);
        let found =
            found.ok_or_else(|| Refusal::missing("payment_intent", intent, "payment_intent"))?;
        let charge = found.latest_charge.as_ref();
        let paid = charge.filter(|id| self.charges.existing(id).failure.is_none());
        paid.cloned().ok_or_else(|| {
            let message = format!(
                "This PaymentIntent ({intent}) does not have a successful charge to refund."
            );
            Refusal::conflicting(message)
        })
    }

    /// Refunds a charge and returns the refund's id.
    pub(crate) fn refund(&mut self, new: NewRefund, cause: &Cause) -> Result<String, Refusal> {
        self.refuse_disputed(&new.charge)?;
        let charge = self.charges.get_mut(&new.charge);
        let charge = charge.ok_or_else(|| Refusal::missing("charge", &new.charge, "charge"))?;
        let amount = refundable(charge, new.amount)?;
        let before = json!({ "amount_refunded": charge.refunded, "refunded": false });
        charge.refunded += amount;
        let refund = Refund {
            id: new_id("re"),
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            amount,
            currency: charge.currency.clone(),
            reason: new.reason,
            metadata: new.metadata,
            balance_transaction: new_id("txn"),
            created: now(),
        };
        let id = refund.id.clone();
        let object = wire::refund(&refund);
        self.refunds.insert(refund);
        self.emit("refund.created", &object, cause);
        let charge = wire::charge(self, self.charges.existing(&new.charge));
        self.emit_change("charge.refunded", &charge, &before, cause);
        Ok(id)
    }

    /// Refuses to refund money that a bank holds back or took.
    fn refuse_disputed(&self, charge: &str) -> Result<(), Refusal> {
        let dispute = self
            .charges
            .get(charge)
            .and_then(|charge| charge.dispute.as_ref());
        let won = |id| self.disputes.existing(id).status == DisputeStatus::Won;
        if dispute.is_none_or(|id| won(id)) {
            return Ok(());
        }
        let message = format!("Charge {charge} has been charged back; cannot issue a refund.");
        Err(Refusal::conflicting(message).code("charge_disputed"))
    }
}

/// The amount to refund, if that much is left.
fn refundable(charge: &Charge, wanted: Option<i64>) -> Result<i64, Refusal> {
    if charge.failure.is_some() {
        let message = format!(
            "Charge {} has not succeeded and cannot be refunded.",
            charge.id
        );
        return Err(Refusal::conflicting(message));
    }
    let left = charge.amount - charge.refunded;
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(Refusal::conflicting(message).code("charge_already_refunded"));
    }
    let amount = wanted.unwrap_or(left);
    if amount > left {
        let limit = if charge.refunded == 0 {
            "charge amount"
        } else {
            "unrefunded amount on charge"
        };
        let (amount, left) = (dollars(amount), dollars(left));
        let message = format!("Refund amount ({amount}) is greater than {limit} ({left})");
        return Err(Refusal::conflicting(message).param("amount"));
    }
    Ok(amount)
}

fn dollars(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}
