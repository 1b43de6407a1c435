//! Refunds: money given back, never more than was charged, and none that a bank wants back itself.

use std::collections::BTreeMap;

use serde_json::json;

use super::event::Cause;
use super::shelf::Item;
use super::{Books, Charge, DisputeStatus, new_id, now};
use crate::refusal::Refusal;
use crate::wire;

/// Money given back.
#[derive(Debug)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) reason: Option<&'static str>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) balance_transaction: String,
    pub(crate) created: i64,
}

/// What is to be given back.
#[derive(Debug)]
pub(crate) struct NewRefund {
    pub(crate) charge: String,
    /// All that is left, if `None`.
    pub(crate) amount: Option<i64>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Item for Refund {
    const NAME: &'static str = "refund";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl Books {
    /// The charge of an intent that can be given back.
    pub(crate) fn paid_charge(&self, intent: &str) -> Result<String, Refusal> {
        let found = self.intents.get(intent);
        let found =
            found.ok_or_else(|| Refusal::missing("payment_intent", intent, "payment_intent"))?;
        let charge = found.latest_charge.as_ref();
        let paid = charge.filter(|id| self.charges.known(id).failure.is_none());
        paid.cloned().ok_or_else(|| {
            let message = format!(
                "This PaymentIntent ({intent}) does not have a successful charge to refund."
            );
            Refusal::conflicting(message)
        })
    }

    /// Gives money back; the refund's id.
    pub(crate) fn refund(&mut self, wanted: NewRefund, cause: &Cause) -> Result<String, Refusal> {
        self.refuse_disputed(&wanted.charge)?;
        let charge = self.charges.get_mut(&wanted.charge);
        let charge = charge.ok_or_else(|| Refusal::missing("charge", &wanted.charge, "charge"))?;
        let amount = refundable(charge, wanted.amount)?;
        let before = json!({ "amount_refunded": charge.refunded, "refunded": false });
        charge.refunded += amount;
        let refund = Refund {
            id: new_id("re"),
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            amount,
            currency: charge.currency.clone(),
            reason: wanted.reason,
            metadata: wanted.metadata,
            balance_transaction: new_id("txn"),
            created: now(),
        };
        let id = refund.id.clone();
        let told = wire::refund(&refund);
        self.refunds.put(refund);
        self.tell("refund.created", &told, cause);
        let charge = wire::charge(self, self.charges.known(&wanted.charge));
        self.tell_change("charge.refunded", &charge, &before, cause);
        Ok(id)
    }

    /// Money that a bank holds back, or took, cannot be given back.
    fn refuse_disputed(&self, charge: &str) -> Result<(), Refusal> {
        let dispute = self
            .charges
            .get(charge)
            .and_then(|charge| charge.dispute.as_ref());
        let won = |id| self.disputes.known(id).status == DisputeStatus::Won;
        if dispute.is_none_or(|id| won(id)) {
            return Ok(());
        }
        let message = format!("Charge {charge} has been charged back; cannot issue a refund.");
        Err(Refusal::conflicting(message).code("charge_disputed"))
    }
}

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
        let message = if charge.refunded == 0 {
            format!(
                "Refund amount ({}) is greater than charge amount ({})",
                dollars(amount),
                dollars(left)
            )
        } else {
            format!(
                "Refund amount ({}) is greater than unrefunded amount on charge ({})",
                dollars(amount),
                dollars(left)
            )
        };
        return Err(Refusal::conflicting(message).param("amount"));
    }
    Ok(amount)
}

fn dollars(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}
