//! Refunds of charges.

use ::stripe::{Client, IdempotencyKey, RequestStrategy, StripeRequest};
use common::id::kind;
use common::{Id, Price};
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_shared::Refund;
use stripe_types::List;

use super::failure::{Failed, Unclear};
use super::trace::Operation;
use super::{Account, Stripe};
use crate::domain::{Charge, Dispute, DisputeState};

const CREATE_REFUND: Operation = Operation {
    method: "POST",
    path: "/v1/refunds",
};
const LIST_REFUNDS: Operation = Operation {
    method: "GET",
    path: "/v1/refunds",
};

/// Stripe's code for a charge that has nothing left to refund.
const ALREADY_REFUNDED: &str = "charge_already_refunded";

/// Stripe's code for a charge that a bank disputes, or has taken back.
const DISPUTED: &str = "charge_disputed";

impl Stripe {
    /// Refunds what is left of a charge and returns Stripe's id of the refund. Repeating this refunds it once.
    ///
    /// Stripe never refunds more than was charged. It repeats an answer under its key for a day, so a key is skipped if it
    /// was answered with 500, or refused because of a dispute that is won by now.
    pub(crate) async fn refund(
        &self,
        payment: Id<kind::Payment>,
        charge: &Charge,
        price: Price,
        tries: u64,
    ) -> Result<String, Unclear> {
        let key = format!("{payment}-refund");
        let mut refunded = self.refund_under(&key, charge, price, tries).await;
        if matches!(&refunded, Err(Failed::Refused(refusal)) if refusal.code() == DISPUTED) {
            refunded = self
                .refund_after_dispute(payment, charge, price, tries)
                .await;
        }
        refunded.map_err(Failed::into_unclear)
    }

    /// Refunds under this key, or under the next ones if Stripe answers with 500. Each time `tries` doubles, one more key
    /// is allowed, so a Stripe that fails every request does not receive keys without end.
    async fn refund_under(
        &self,
        key: &str,
        charge: &Charge,
        price: Price,
        tries: u64,
    ) -> Result<String, Failed> {
        let mut refunded = self.create_refund(key.to_owned(), charge).await;
        for number in 1..=tries.saturating_add(1).ilog2() {
            if !matches!(refunded, Err(Failed::Broken(_))) {
                break;
            }
            refunded = match self.earlier_refund(charge, price).await {
                Ok(Some(refund)) => Ok(refund),
                Ok(None) => self.create_refund(format!("{key}-{number}"), charge).await,
                Err(failed) => Err(failed),
            };
        }
        refunded
    }

    /// Refunds a charge whose refund was refused because of a dispute: under a key of its own once the dispute is won. If
    /// the dispute was lost instead, it returned the money.
    async fn refund_after_dispute(
        &self,
        payment: Id<kind::Payment>,
        charge: &Charge,
        price: Price,
        tries: u64,
    ) -> Result<String, Failed> {
        let reversals = self.read_reversals(&charge.intent).await?;
        if reversals.cents() >= price.cents() {
            return Ok(reversals.cause());
        }
        match reversals.dispute {
            Some(Dispute {
                id,
                state: DisputeState::Won,
            }) => {
                let key = format!("{payment}-refund-{id}");
                self.refund_under(&key, charge, price, tries).await
            }
            _ => Err(Failed::unclear("the charge is disputed")),
        }
    }

    async fn create_refund(&self, key: String, charge: &Charge) -> Result<String, Failed> {
        let client = match &self.account {
            Account::Stripe(client) => client,
            Account::Replaced(stripe) => return stripe.refund(&key, charge).await,
        };
        let key = IdempotencyKey::new(key);
        let key = key.expect("three short texts are neither empty nor too long");
        let send = CreateRefund::new()
            .payment_intent(&charge.intent)
            .customize()
            .request_strategy(RequestStrategy::Idempotent(key))
            .send(client.as_ref());
        match self.call(CREATE_REFUND, send).await {
            Ok(refund) => refund_id(&refund),
            // A person refunded it in the dashboard, or we did so long ago that Stripe has forgotten the key.
            Err(Failed::Refused(refusal)) if refusal.code() == ALREADY_REFUNDED => {
                let earlier = self.refunds_of(client, &charge.intent).await?;
                let earlier = earlier.data.iter().find(|refund| counts(refund));
                let earlier = earlier.map(|refund| refund.id.to_string());
                earlier.ok_or_else(|| Failed::unclear("already refunded, but no refund is listed"))
            }
            Err(failed) => Err(failed),
        }
    }

    /// The newest refund, if refunds returned the whole price.
    async fn earlier_refund(
        &self,
        charge: &Charge,
        price: Price,
    ) -> Result<Option<String>, Failed> {
        let reversals = self.read_reversals(&charge.intent).await?;
        let all = reversals.refunded >= price.cents();
        Ok(reversals.refund.filter(|_| all))
    }

    /// The refunds of a charge, the newest first.
    pub(super) async fn refunds_of(
        &self,
        client: &Client,
        intent: &str,
    ) -> Result<List<Refund>, Failed> {
        let list = ListRefund::new().payment_intent(intent).limit(100);
        self.call(LIST_REFUNDS, list.customize().send(client)).await
    }
}

/// The refund's id, unless it failed. Stripe carries out a pending refund.
fn refund_id(refund: &Refund) -> Result<String, Failed> {
    if counts(refund) {
        return Ok(refund.id.to_string());
    }
    let status = refund.status.as_deref().unwrap_or_default();
    tracing::error!(stripe.refund = %refund.id, stripe.status = status, "refund failed");
    Err(Failed::unclear(format!("the refund is {status}")))
}

/// Whether the refund returned its money, or will.
pub(super) fn counts(refund: &Refund) -> bool {
    !matches!(refund.status.as_deref(), Some("failed" | "canceled"))
}
