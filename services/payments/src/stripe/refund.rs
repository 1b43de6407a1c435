//! Giving money back.

use ::stripe::{Client, IdempotencyKey, RequestStrategy, StripeRequest};
use common::id::kind;
use common::{Id, Price};
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_shared::Refund;
use stripe_types::List;

use super::failure::Failed;
use super::trace::Operation;
use super::{Account, Stripe, Unclear};
use crate::domain::{Charge, Dispute, Standing};

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

/// Stripe's code for a charge that a bank disputes, or has taken back.
const DISPUTED: &str = "charge_disputed";

impl Stripe {
    /// Gives back all that is left of a charge, once however often this is asked; gives Stripe's id of the refund.
    ///
    /// A key that Stripe answers with 500 gives that answer for a day, so the next one is used. No key is passed over
    /// that was not answered so, and Stripe never gives back more than was charged. There is one more key each time
    /// that `tries` doubles, so that a Stripe that fails everything does not get keys without end.
    pub(crate) async fn refund(
        &self,
        payment: Id<kind::Payment>,
        charge: &Charge,
        price: Price,
        tries: u64,
    ) -> Result<String, Unclear> {
        let mut given_back = self.give_back(key(payment, 0), charge).await;
        if matches!(&given_back, Err(Failed::Refused(refusal)) if refusal.code == DISPUTED) {
            given_back = self.after_dispute(payment, charge, price).await;
        }
        for number in 1..=tries.saturating_add(1).ilog2() {
            if !matches!(given_back, Err(Failed::Broken(_))) {
                break;
            }
            given_back = match self.earlier_refund(charge, price).await {
                Ok(Some(refund)) => Ok(refund),
                Ok(None) => self.give_back(key(payment, number), charge).await,
                Err(failed) => Err(failed),
            };
        }
        given_back.map_err(Failed::into_unclear)
    }

    async fn give_back(&self, key: String, charge: &Charge) -> Result<String, Failed> {
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
            Ok(refund) => given_back(&refund),
            // Somebody did it by hand, or we did so long ago that Stripe has forgotten the key.
            Err(Failed::Refused(refusal)) if refusal.code == ALREADY_REFUNDED => {
                let earlier = self.refunds_of(client, &charge.intent).await?;
                let earlier = earlier.data.iter().find(|refund| counts(refund));
                let earlier = earlier.map(|refund| refund.id.to_string());
                earlier.ok_or_else(|| Failed::unclear("refunded, but by no refund"))
            }
            Err(failed) => Err(failed),
        }
    }

    /// Refunds a charge whose refund was refused because of a dispute.
    ///
    /// Stripe repeats that refusal under its idempotency key for a day, also after the dispute was won. So each won dispute
    /// has a key of its own. A lost dispute that took the whole price is what gave it back.
    async fn after_dispute(
        &self,
        payment: Id<kind::Payment>,
        charge: &Charge,
        price: Price,
    ) -> Result<String, Failed> {
        let reversals = self.reversals(&charge.intent).await?;
        match reversals.dispute {
            Some(Dispute {
                id,
                standing: Standing::Won,
            }) => {
                self.give_back(format!("{payment}-refund-{id}"), charge)
                    .await
            }
            Some(Dispute {
                id,
                standing: Standing::Lost,
            }) if reversals.lost >= price.cents() => Ok(id),
            _ => Err(Failed::unclear("the charge is disputed")),
        }
    }

    /// The newest refund, if refunds gave all of the price back.
    async fn earlier_refund(
        &self,
        charge: &Charge,
        price: Price,
    ) -> Result<Option<String>, Failed> {
        let reversals = self.reversals(&charge.intent).await?;
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

/// The name of a refund to Stripe, however often it is asked for.
fn key(payment: Id<kind::Payment>, number: u32) -> String {
    match number {
        0 => format!("{payment}-refund"),
        _ => format!("{payment}-refund-{number}"),
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

/// Whether the refund took its money, or will.
pub(super) fn counts(refund: &Refund) -> bool {
    !matches!(refund.status.as_deref(), Some("failed" | "canceled"))
}
