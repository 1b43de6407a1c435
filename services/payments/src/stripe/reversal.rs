//! Reads what was returned of a charge: refunds, by whomever they were made, and disputes.

use ::stripe::{Client, StripeRequest};
use common::Id;
use common::id::kind;
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::refund::ListRefund;
use stripe_shared::{DisputeStatus, PaymentIntent, PaymentIntentStatus};
use stripe_types::List;

use super::charge::{ATTEMPT, ORDER_ID, charge_of};
use super::failure::{Failed, Unclear};
use super::refund::counts;
use super::trace::Operation;
use super::{Account, Stripe};
use crate::domain::{Charge, Dispute, DisputeState, Reversals};

const RETRIEVE_INTENT: Operation = Operation {
    method: "GET",
    path: "/v1/payment_intents/{id}",
};
const LIST_DISPUTES: Operation = Operation {
    method: "GET",
    path: "/v1/disputes",
};

/// An attempt of ours that charged its card.
#[derive(Debug)]
pub struct ChargedAttempt {
    /// The order that it paid.
    pub order: Id<kind::Order>,
    /// The attempt's number.
    pub attempt: u32,
    /// The charge.
    pub charge: Charge,
}

impl Stripe {
    /// The attempt that succeeded with this intent, if it is ours: other programs may use the same account.
    pub(crate) async fn charged_attempt(
        &self,
        intent: &str,
    ) -> Result<Option<ChargedAttempt>, Unclear> {
        let found = match &self.account {
            Account::Stripe(client) => {
                let retrieve = RetrievePaymentIntent::new(intent).customize();
                let found = self.call(RETRIEVE_INTENT, retrieve.send(client.as_ref()));
                found.await.map(charged_attempt)
            }
            Account::Replaced(stripe) => stripe.charged_attempt(intent).await,
        };
        match found {
            // Stripe does not know the intent.
            Err(Failed::Refused(_)) => Ok(None),
            found => found.map_err(Failed::into_unclear),
        }
    }

    /// What was returned of the intent's charge so far.
    pub(crate) async fn reversals(&self, intent: &str) -> Result<Reversals, Unclear> {
        let reversals = self.read_reversals(intent).await;
        reversals.map_err(Failed::into_unclear)
    }

    pub(super) async fn read_reversals(&self, intent: &str) -> Result<Reversals, Failed> {
        let client = match &self.account {
            Account::Stripe(client) => client,
            Account::Replaced(stripe) => return stripe.reversals(intent).await,
        };
        let refunds = self.refunds_of(client, intent).await?;
        let counted = || refunds.data.iter().filter(|refund| counts(refund));
        let disputes = self.disputes_of(client, intent).await?;
        let lost = disputes.data.iter();
        let lost = lost.filter(|dispute| dispute.status == DisputeStatus::Lost);
        Ok(Reversals {
            refunded: counted().map(|refund| refund.amount).sum(),
            refund: counted().next().map(|refund| refund.id.to_string()),
            lost: lost.map(|dispute| dispute.amount).sum(),
            dispute: disputes.data.first().map(|dispute| Dispute {
                id: dispute.id.to_string(),
                state: dispute_state(&dispute.status),
            }),
        })
    }

    /// The disputes about a charge, newest first.
    async fn disputes_of(
        &self,
        client: &Client,
        intent: &str,
    ) -> Result<List<stripe_shared::Dispute>, Failed> {
        // Disputes are listed with the same parameters as refunds. The client's own request for disputes is in a crate
        // that takes long to compile.
        let mut list = ListRefund::new().payment_intent(intent).limit(100).build();
        "/disputes".clone_into(&mut list.path);
        self.call(LIST_DISPUTES, list.customize().send(client))
            .await
    }
}

fn charged_attempt(intent: PaymentIntent) -> Option<ChargedAttempt> {
    if intent.status != PaymentIntentStatus::Succeeded {
        return None;
    }
    let order = intent.metadata.get(ORDER_ID)?.parse().ok()?;
    let attempt = intent.metadata.get(ATTEMPT)?.parse().ok()?;
    Some(ChargedAttempt {
        order,
        attempt,
        charge: charge_of(intent).ok()?,
    })
}

fn dispute_state(status: &DisputeStatus) -> DisputeState {
    match status {
        DisputeStatus::Lost => DisputeState::Lost,
        // An inquiry that was closed or prevented from becoming a dispute took no money.
        DisputeStatus::Won | DisputeStatus::WarningClosed | DisputeStatus::Prevented => {
            DisputeState::Won
        }
        _ => DisputeState::Open,
    }
}
