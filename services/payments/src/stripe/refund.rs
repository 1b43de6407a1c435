//! Giving money back.

use ::stripe::{Client, IdempotencyKey, RequestStrategy, StripeRequest};
use common::Id;
use common::id::kind;
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_shared::Refund;

use super::failure::Failed;
use super::trace::Operation;
use super::{Account, Stripe, Unclear};
use crate::domain::Charge;

const CREATE_REFUND: Operation = Operation {
    method: "POST",
    path: "/v1/refunds",
};
const LIST_REFUNDS: Operation = Operation {
    method: "GET",
    path: "/v1/refunds",
};

/// Stripe's code for a charge that has nothing left to give back.
const ALREADY_REFUNDED: &str = "charge_already_refunded";

impl Stripe {
    /// Gives all of a charge back, once however often this is asked; gives Stripe's id of the refund.
    pub(crate) async fn refund(
        &self,
        payment: Id<kind::Payment>,
        charge: &Charge,
    ) -> Result<String, Unclear> {
        let key = format!("{payment}-refund");
        let given_back = match &self.account {
            Account::Stripe(client) => self.give_back(client, key, charge).await,
            #[cfg(feature = "simulation")]
            Account::Simulated(stripe) => stripe.refund(&key, charge).await,
        };
        given_back.map_err(Failed::into_unclear)
    }

    async fn give_back(
        &self,
        client: &Client,
        key: String,
        charge: &Charge,
    ) -> Result<String, Failed> {
        let key = IdempotencyKey::new(key);
        let key = key.expect("two short texts are neither empty nor too long");
        let send = CreateRefund::new()
            .payment_intent(&charge.intent)
            .customize()
            .request_strategy(RequestStrategy::Idempotent(key))
            .send(client);
        match self.call(CREATE_REFUND, send).await {
            Ok(refund) => given_back(&refund),
            // Somebody did it by hand, or we did so long ago that Stripe has forgotten the key.
            Err(Failed::Refused(refusal)) if refusal.code == ALREADY_REFUNDED => {
                self.earlier_refund(client, charge).await
            }
            Err(failed) => Err(failed),
        }
    }

    async fn earlier_refund(&self, client: &Client, charge: &Charge) -> Result<String, Failed> {
        let send = ListRefund::new()
            .payment_intent(&charge.intent)
            .customize()
            .send(client);
        let refunds = self.call(LIST_REFUNDS, send).await?;
        let done = refunds
            .data
            .iter()
            .find_map(|refund| given_back(refund).ok());
        done.ok_or_else(|| Failed::unclear("refunded, but by no refund"))
    }
}

/// The refund's id, unless it failed. A pending refund is on its way, and is Stripe's to carry out.
fn given_back(refund: &Refund) -> Result<String, Failed> {
    match refund.status.as_deref() {
        Some(status @ ("failed" | "canceled")) => {
            tracing::error!(stripe.refund = %refund.id, stripe.status = status, "a refund did not come about");
            Err(Failed::unclear(format!("a refund that is {status}")))
        }
        _ => Ok(refund.id.to_string()),
    }
}
