//! Finding out what came of an attempt whose answer Stripe does not tell: by the payment intents that there are.
//!
//! The list by time of creation is asked, not the search by metadata. The search lags behind by up to an hour, so it can
//! never say that there is no intent. The list is read after every write.

use ::stripe::{Client, StripeRequest};
use futures::FutureExt;
use mongo::{from_date_time, object_id};
use stripe_core::payment_intent::{CancelPaymentIntent, ListPaymentIntent};
use stripe_shared::{PaymentIntent, PaymentIntentStatus};
use stripe_types::RangeQueryTs;

use super::charge::{ATTEMPT, ChargeRequest, Charged, PAYMENT_ID, Withdrawal, paid};
use super::failure::Failed;
use super::trace::Operation;
use super::{Account, Stripe, Unclear};

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

/// From so many tries on, seconds after the first, it counts that there is no intent. A request that executes may yet
/// create it; Stripe answers 409 as long, and not 500, unless what is in front of it fails.
const QUIET_TRIES: u64 = 3;

/// How many intents a call lists, the most that Stripe gives, and how many calls are made: more is for a person.
const PAGE: i64 = 100;
const PAGES: usize = 20;

impl Stripe {
    /// How the attempt ended. Its key must be known to Stripe, so that no request begins under it any more.
    pub(super) async fn look_up(&self, request: &ChargeRequest<'_>) -> Result<Withdrawal, Unclear> {
        let ended = match &self.account {
            // Large, and seldom needed.
            Account::Stripe(client) => self.end_of(client, request).boxed().await,
            Account::Replaced(stripe) => stripe.look_up(request).await,
        };
        let ended = match ended {
            Ok(None) if request.tries < QUIET_TRIES => {
                Err(Failed::unclear("no payment intent yet"))
            }
            Ok(ended) => Ok(ended.unwrap_or(Withdrawal::Withdrawn)),
            Err(failed) => Err(failed),
        };
        tracing::info!(order.id = %request.order, payment.id = %request.payment, ?ended, "looked an attempt up");
        ended.map_err(Failed::into_unclear)
    }

    /// How the attempt's intent ended, if it came to one.
    async fn end_of(
        &self,
        client: &Client,
        request: &ChargeRequest<'_>,
    ) -> Result<Option<Withdrawal>, Failed> {
        let Some(intent) = self.find_intent(client, request).await? else {
            return Ok(None);
        };
        match intent.status {
            PaymentIntentStatus::Succeeded => {
                let charge =
                    paid(intent).ok_or_else(|| Failed::unclear("a success without a charge"))?;
                Ok(Some(Withdrawal::TooLate(Charged::Paid(charge))))
            }
            PaymentIntentStatus::Canceled => Ok(Some(Withdrawal::Withdrawn)),
            // Cancelled, it can never charge. Stripe refuses that if it succeeded meanwhile, which the next look finds.
            _ => {
                let cancel = CancelPaymentIntent::new(intent.id.clone());
                self.call(CANCEL_INTENT, cancel.customize().send(client))
                    .await?;
                Ok(Some(Withdrawal::Withdrawn))
            }
        }
    }

    /// The attempt's intent, if it came to one. There is at most one, since there is one for each key.
    async fn find_intent(
        &self,
        client: &Client,
        request: &ChargeRequest<'_>,
    ) -> Result<Option<PaymentIntent>, Failed> {
        let made = from_date_time(object_id(request.payment).timestamp());
        let since = made.milliseconds() / 1_000 - SKEW;
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
    let names = |name: &str, value: String| intent.metadata.get(name) == Some(&value);
    names(PAYMENT_ID, request.payment.to_string()) && names(ATTEMPT, request.attempt.to_string())
}
