//! What became of a charge afterwards: refunds of whoever made them, and disputes.

use ::stripe::{Client, StripeRequest};
use common::Id;
use common::id::kind;
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::refund::ListRefund;
use stripe_shared::{DisputeStatus, PaymentIntent, PaymentIntentStatus};
use stripe_types::List;

use super::charge::{ATTEMPT, ORDER_ID, paid};
use super::failure::Failed;
use super::refund::counts;
use super::trace::Operation;
use super::{Account, Stripe, Unclear};
use crate::domain::{Charge, Dispute, Reversals, Standing};

const RETRIEVE_INTENT: Operation = Operation {
    method: "GET",
    path: "/v1/payment_intents/{id}",
};
const LIST_DISPUTES: Operation = Operation {
    method: "GET",
    path: "/v1/disputes",
};

/// A charge of ours.
#[derive(Debug)]
pub struct Success {
    /// What it paid.
    pub order: Id<kind::Order>,
    /// The attempt that made it.
    pub attempt: u32,
    /// Stripe's names for it.
    pub charge: Charge,
}

impl Stripe {
    /// The charge that the intent led to, if it is one of ours: other programs may use the same account.
    pub(crate) async fn success(&self, intent: &str) -> Result<Option<Success>, Unclear> {
        let found = match &self.account {
            Account::Stripe(client) => {
                let retrieve = RetrievePaymentIntent::new(intent).customize();
                let found = self.call(RETRIEVE_INTENT, retrieve.send(client.as_ref()));
                found.await.map(success)
            }
            Account::Replaced(stripe) => stripe.success(intent).await,
        };
        match found {
            // Stripe knows of no such intent.
            Err(Failed::Refused(_)) => Ok(None),
            found => found.map_err(Failed::into_unclear),
        }
    }

    /// What went back of the intent's charge, as it is now.
    pub(crate) async fn went_back(&self, intent: &str) -> Result<Reversals, Unclear> {
        self.reversals(intent).await.map_err(Failed::into_unclear)
    }

    pub(super) async fn reversals(&self, intent: &str) -> Result<Reversals, Failed> {
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
                standing: standing(&dispute.status),
            }),
        })
    }

    /// The disputes about a charge, the newest first.
    async fn disputes_of(
        &self,
        client: &Client,
        intent: &str,
    ) -> Result<List<stripe_shared::Dispute>, Failed> {
        // Disputes are asked for with the same parameters as refunds. The client's own request for them is in a part
        // of it that takes long to compile.
        let mut list = ListRefund::new().payment_intent(intent).limit(100).build();
        "/disputes".clone_into(&mut list.path);
        self.call(LIST_DISPUTES, list.customize().send(client))
            .await
    }
}

fn success(intent: PaymentIntent) -> Option<Success> {
    if intent.status != PaymentIntentStatus::Succeeded {
        return None;
    }
    let order = intent.metadata.get(ORDER_ID)?.parse().ok()?;
    let attempt = intent.metadata.get(ATTEMPT)?.parse().ok()?;
    Some(Success {
        order,
        attempt,
        charge: paid(intent)?,
    })
}

fn standing(status: &DisputeStatus) -> Standing {
    match status {
        DisputeStatus::Lost => Standing::Lost,
        // An inquiry that was closed, or prevented from becoming a dispute, took no money.
        DisputeStatus::Won | DisputeStatus::WarningClosed | DisputeStatus::Prevented => {
            Standing::Won
        }
        _ => Standing::Open,
    }
}
