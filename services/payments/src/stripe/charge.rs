//! Charging a card, and making sure that it will not be charged any more.

use std::collections::HashMap;

use ::stripe::{IdempotencyKey, RequestStrategy, StripeRequest};
use common::id::kind;
use common::{Id, Price};
use serde::Serialize;
use stripe_core::payment_intent::{
    CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods,
    CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects,
};
use stripe_shared::{PaymentIntent, PaymentIntentStatus};
use stripe_types::Currency;

use super::failure::Failed;
use super::trace::Operation;
use super::{Account, Stripe, Unclear};
use crate::domain::{CardToken, Charge, Decline};

const CREATE_INTENT: Operation = Operation {
    method: "POST",
    path: "/v1/payment_intents",
};

/// What Stripe tells us again in its webhooks.
pub(super) const ORDER_ID: &str = "order_id";
pub(super) const PAYMENT_ID: &str = "payment_id";
pub(super) const ATTEMPT: &str = "attempt";

/// An attempt to charge a card.
#[derive(Debug, Clone, Copy)]
pub struct ChargeRequest<'a> {
    /// What is paid.
    pub order: Id<kind::Order>,
    /// Whose attempt this is.
    pub payment: Id<kind::Payment>,
    /// The attempt's number.
    pub attempt: u32,
    /// How much to charge.
    pub price: Price,
    /// What to charge.
    pub card: &'a CardToken,
    /// How often Stripe gave no clear answer to it so far.
    pub tries: u64,
}

/// Stripe's answer to a charge.
#[derive(Debug)]
pub enum Charged {
    /// The card was charged.
    Paid(Charge),
    /// The card was not and will not be charged by this attempt.
    Declined(Decline),
}

/// What became of an attempt that was to be withdrawn.
#[derive(Debug)]
pub enum Withdrawal {
    /// It charged nothing and never will.
    Withdrawn,
    /// It had reached Stripe before; this is how it ended.
    TooLate(Charged),
}

/// Which of two intents without a card is to take an attempt's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spending {
    /// The usual one.
    First,
    /// It differs from the first, to find out whether Stripe knows the key.
    Second,
}

/// The parameters of a payment intent that charges a card's token at once. The client's own builder has no place
/// for a token, so its body is replaced by this one.
#[derive(Serialize)]
struct ConfirmedIntent<'a> {
    amount: i64,
    currency: Currency,
    confirm: bool,
    /// A card that wants its owner to act in the browser is declined: our form has no place for it.
    error_on_requires_action: bool,
    automatic_payment_methods: CreatePaymentIntentAutomaticPaymentMethods,
    payment_method_data: CardData<'a>,
    metadata: HashMap<String, String>,
}

#[derive(Serialize)]
struct CardData<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    card: TokenData<'a>,
}

#[derive(Serialize)]
struct TokenData<'a> {
    token: &'a str,
}

impl ChargeRequest<'_> {
    /// The attempt's name to Stripe, however often it is sent.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}-{}", self.payment, self.attempt)
    }

    fn strategy(&self) -> RequestStrategy {
        let key = IdempotencyKey::new(self.key());
        RequestStrategy::Idempotent(key.expect("two short texts are neither empty nor too long"))
    }

    fn metadata(&self) -> HashMap<String, String> {
        HashMap::from([
            (ORDER_ID.to_owned(), self.order.to_string()),
            (PAYMENT_ID.to_owned(), self.payment.to_string()),
            (ATTEMPT.to_owned(), self.attempt.to_string()),
        ])
    }

    fn confirmed_intent(&self) -> ConfirmedIntent<'_> {
        ConfirmedIntent {
            amount: self.price.cents(),
            currency: Currency::USD,
            confirm: true,
            error_on_requires_action: true,
            automatic_payment_methods: no_redirects(),
            payment_method_data: CardData {
                kind: "card",
                card: TokenData {
                    token: &self.card.0,
                },
            },
            metadata: self.metadata(),
        }
    }

    /// A payment intent like the one above, but without a card and not confirmed.
    fn empty_intent(&self) -> CreatePaymentIntent {
        CreatePaymentIntent::new(self.price.cents(), Currency::USD)
            .automatic_payment_methods(no_redirects())
            .metadata(self.metadata())
    }
}

/// No way of paying for which the buyer would have to leave our page.
const fn no_redirects() -> CreatePaymentIntentAutomaticPaymentMethods {
    CreatePaymentIntentAutomaticPaymentMethods {
        allow_redirects: Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never),
        enabled: true,
    }
}

impl Stripe {
    /// Charges the card, once however often the same request is sent.
    ///
    /// Stripe stores an answer of 500 under its key like any other, so asking again gives it again for a day. Once that
    /// happens, the key is settled as for a withdrawal: an attempt that charged nothing is `Withdrawn`, and may be made
    /// anew under another key. A key that is taken was withdrawn by a process that died before it wrote so.
    pub(crate) async fn charge(&self, request: &ChargeRequest<'_>) -> Result<Withdrawal, Unclear> {
        match self.confirm(request).await {
            Ok(charged) => Ok(Withdrawal::TooLate(charged)),
            Err(Failed::Refused(decline)) => Ok(Withdrawal::TooLate(Charged::Declined(decline))),
            Err(Failed::Broken(_)) if request.tries > 0 => self.withdraw(request).await,
            Err(Failed::KeyTaken) => self.withdraw(request).await,
            Err(failed) => Err(failed.into_unclear()),
        }
    }

    /// Makes sure that the attempt charges nothing from now on, or learns how it ended if it had arrived.
    ///
    /// The attempt's idempotency key is used for a payment intent that has no card. If the attempt had not arrived,
    /// the key is now taken, and Stripe refuses the attempt should it still be on its way. If it had, Stripe
    /// refuses this intent because the key was used for another, and answers the attempt itself as it did then.
    pub(crate) async fn withdraw(
        &self,
        request: &ChargeRequest<'_>,
    ) -> Result<Withdrawal, Unclear> {
        match self.spend_key(request, Spending::First).await {
            Ok(()) => Ok(Withdrawal::Withdrawn),
            // Stripe compares keys before it looks at parameters, so the attempt has not arrived. It has the same
            // amount and currency, so it is refused for the same reason if it still arrives. Parameters that are
            // refused leave the key unused, so asking again would never end.
            Err(Failed::Refused(refusal)) => {
                tracing::info!(order.id = %request.order, stripe.code = refusal.code, "an attempt that Stripe refuses is withdrawn");
                Ok(Withdrawal::Withdrawn)
            }
            Err(Failed::Unclear(unclear)) => Err(unclear),
            Err(Failed::KeyTaken) => self.repeat(request).await,
            // Stripe may have stored that answer. Whether it did is told by an intent that differs: the attempt itself
            // must not be sent, since it would charge if it had not arrived.
            Err(Failed::Broken(_)) => match self.spend_key(request, Spending::Second).await {
                Ok(()) => Ok(Withdrawal::Withdrawn),
                Err(Failed::KeyTaken) => self.look_up(request).await,
                Err(failed) => Err(failed.into_unclear()),
            },
        }
    }

    /// How an attempt ended whose key is taken, so that nothing begins under it any more.
    ///
    /// If Stripe stored a 500 for it, or the key belongs to an intent without a card, its list says what came of it.
    async fn repeat(&self, request: &ChargeRequest<'_>) -> Result<Withdrawal, Unclear> {
        match self.confirm(request).await {
            Ok(charged) => Ok(Withdrawal::TooLate(charged)),
            Err(Failed::Refused(decline)) => Ok(Withdrawal::TooLate(Charged::Declined(decline))),
            Err(Failed::KeyTaken | Failed::Broken(_)) => self.look_up(request).await,
            Err(failed) => Err(failed.into_unclear()),
        }
    }

    async fn confirm(&self, request: &ChargeRequest<'_>) -> Result<Charged, Failed> {
        match &self.account {
            Account::Stripe(client) => {
                let send = request
                    .empty_intent()
                    .build()
                    .form(&request.confirmed_intent())
                    .customize::<PaymentIntent>()
                    .request_strategy(request.strategy())
                    .send(client.as_ref());
                outcome(self.call(CREATE_INTENT, send).await?)
            }
            Account::Replaced(stripe) => stripe.confirm(request).await,
        }
    }

    async fn spend_key(
        &self,
        request: &ChargeRequest<'_>,
        spending: Spending,
    ) -> Result<(), Failed> {
        match &self.account {
            Account::Stripe(client) => {
                let mut metadata = request.metadata();
                if spending == Spending::Second {
                    metadata.insert("withdrawal".to_owned(), "2".to_owned());
                }
                let send = request
                    .empty_intent()
                    .metadata(metadata)
                    .customize()
                    .request_strategy(request.strategy())
                    .send(client.as_ref());
                self.call(CREATE_INTENT, send).await?;
                Ok(())
            }
            Account::Replaced(stripe) => stripe.spend_key(request, spending).await,
        }
    }
}

fn outcome(intent: PaymentIntent) -> Result<Charged, Failed> {
    match intent.status {
        PaymentIntentStatus::Succeeded => paid(intent)
            .map(Charged::Paid)
            .ok_or_else(|| Failed::unclear("a success without a charge")),
        PaymentIntentStatus::RequiresAction | PaymentIntentStatus::RequiresPaymentMethod => {
            Ok(Charged::Declined(Decline::new("authentication_required")))
        }
        other => {
            // The same key gives the same state again, whatever became of the intent since.
            let reason = format!("a payment intent that is {}", other.as_str());
            Err(Failed::broken(reason))
        }
    }
}

/// Stripe's names for what this successful intent charged.
pub(super) fn paid(intent: PaymentIntent) -> Option<Charge> {
    Some(Charge {
        id: intent.latest_charge?.into_id().to_string(),
        intent: intent.id.to_string(),
    })
}
