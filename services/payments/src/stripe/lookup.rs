//! Finds out from the list of payment intents how an attempt ended when Stripe does not answer the attempt itself.
//!
//! It reads the list by creation time and not the search by metadata. The search lags by up to an hour, so it can never
//! prove that there is no intent. The list is consistent after every write.

use ::stripe::{Client, StripeRequest};
use futures::FutureExt;
use mongo::{from_date_time, object_id};
use stripe_core::payment_intent::{CancelPaymentIntent, ListPaymentIntent};
use stripe_shared::{PaymentIntent, PaymentIntentStatus};
use stripe_types::RangeQueryTs;

use super::charge::{ATTEMPT, ChargeRequest, PAYMENT_ID, Resolution, charge_of};
use super::failure::{Failed, Unclear};
use super::trace::Operation;
use super::{Account, Stripe};

const LIST_INTENTS: Operation = Operation {
    method: "GET",
    path: "/v1/payment_intents",
};
const CANCEL_INTENT: Operation = Operation {
    method: "POST",
    path: "/v1/payment_intents/{id}/cancel",
};

/// How far Stripe's clock may be behind ours, in seconds.
const SKEW: i64 = 300;

/// The number of tries, over some seconds, after which a missing intent counts as proof that there is none. Before, a
/// running request may still create it: Stripe answers 409 meanwhile, but a proxy in front of Stripe may answer 500.
const QUIET_TRIES: u64 = 3;

/// How many intents a page has, which is Stripe's maximum, and how many pages are read before a person has to look.
const PAGE: i64 = 100;
const PAGES: usize = 20;

impl Stripe {
    /// How the attempt ended. Its key must be known to Stripe, so that no request begins under it any more.
    pub(super) async fn look_up(&self, request: &ChargeRequest<'_>) -> Result<Resolution, Unclear> {
        let ended = match &self.account {
            // Boxed because the future is large and rarely needed.
            Account::Stripe(client) => self.resolve(client, request).boxed().await,
            Account::Replaced(stripe) => stripe.look_up(request).await,
        };
        let ended = match ended {
            Ok(None) if request.tries < QUIET_TRIES => {
                Err(Failed::unclear("no payment intent yet"))
            }
            Ok(ended) => Ok(ended.unwrap_or(Resolution::Withdrawn)),
            Err(failed) => Err(failed),
        };
        tracing::info!(order.id = %request.order, payment.id = %request.payment, ?ended, "attempt looked up");
        ended.map_err(Failed::into_unclear)
    }

    /// How the attempt's intent ended, or is ended here; `None` if there is no intent.
    async fn resolve(
        &self,
        client: &Client,
        request: &ChargeRequest<'_>,
    ) -> Result<Option<Resolution>, Failed> {
        let Some(intent) = self.find_intent(client, request).await? else {
            return Ok(None);
        };
        if intent.status == PaymentIntentStatus::Succeeded {
            return Ok(Some(Resolution::Charged(charge_of(intent)?)));
        }
        // A cancelled intent can never charge. Stripe refuses to cancel it if it has succeeded meanwhile; the next look
        // finds that.
        if intent.status != PaymentIntentStatus::Canceled {
            let cancel = CancelPaymentIntent::new(intent.id.clone()).customize();
            self.call(CANCEL_INTENT, cancel.send(client)).await?;
        }
        Ok(Some(Resolution::Withdrawn))
    }

    /// The attempt's intent. There is at most one, because each key creates at most one.
    async fn find_intent(
        &self,
        client: &Client,
        request: &ChargeRequest<'_>,
    ) -> Result<Option<PaymentIntent>, Failed> {
        let begun = from_date_time(object_id(request.payment).timestamp());
        let since = begun.milliseconds() / 1_000 - SKEW;
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut list = ListPaymentIntent::new()
                .created(RangeQueryTs::gte(since))
                .limit(PAGE);
            if let Some(after) = after {
                list = list.starting_after(after);
            }
            let page = self
                .call(LIST_INTENTS, list.customize().send(client))
                .await?;
            after = page.data.last().map(|intent| intent.id.to_string());
            let found = page.data.into_iter().find(|intent| is_of(intent, request));
            if found.is_some() || !page.has_more {
                return Ok(found);
            }
        }
        Err(Failed::unclear("too many payment intents to look through"))
    }
}

fn is_of(intent: &PaymentIntent, request: &ChargeRequest<'_>) -> bool {
    let has = |name: &str, value: String| intent.metadata.get(name) == Some(&value);
    has(PAYMENT_ID, request.payment.to_string()) && has(ATTEMPT, request.attempt.to_string())
}
