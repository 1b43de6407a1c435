//! Charging a card, and withdrawing an attempt so that it can never charge.

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

use super::failure::{Failed, Unclear};
use super::trace::Operation;
use super::{Account, Stripe};
use crate::domain::{CardToken, Charge, Decline};

const CREATE_INTENT: Operation = Operation {
    method: "POST",
    path: "/v1/payment_intents",
};

/// Metadata of payment intents, which Stripe returns in its webhooks and lists.
pub(super) const ORDER_ID: &str = "order_id";
pub(super) const PAYMENT_ID: &str = "payment_id";
pub(super) const ATTEMPT: &str = "attempt";

/// An attempt to charge a card.
#[derive(Debug, Clone, Copy)]
pub struct ChargeRequest<'a> {
    /// The order to pay.
    pub order: Id<kind::Order>,
    /// The payment that the attempt belongs to.
    pub payment: Id<kind::Payment>,
    /// The attempt's number.
    pub attempt: u32,
    /// The amount to charge.
    pub price: Price,
    /// The card to charge.
    pub card: &'a CardToken,
    /// How often Stripe gave no clear answer so far.
    pub tries: u64,
}

/// How an attempt ended, for good.
#[derive(Debug)]
pub enum Resolution {
    /// The card was charged.
    Charged(Charge),
    /// The card was not charged.
    Declined(Decline),
    /// The attempt charged nothing and never will.
    Withdrawn,
}

/// A payment intent without a card, which uses up an attempt's idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyIntent {
    /// The usual one.
    First,
    /// It differs from the first, to find out whether Stripe knows the key.
    Second,
}

/// The parameters of a payment intent that charges a card's token immediately. The client's builder does not support
/// tokens, so its body is replaced by this one.
#[derive(Serialize)]
struct ConfirmedIntent<'a> {
    amount: i64,
    currency: Currency,
    confirm: bool,
    /// Declines cards whose owner would have to act in the browser: our form does not support that.
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
    /// The idempotency key, the same however often the attempt is sent.
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
                    token: self.card.expose(),
                },
            },
            metadata: self.metadata(),
        }
    }

    /// The same payment intent without a card and without confirmation.
    fn empty_intent(&self) -> CreatePaymentIntent {
        CreatePaymentIntent::new(self.price.cents(), Currency::USD)
            .automatic_payment_methods(no_redirects())
            .metadata(self.metadata())
    }
}

/// Excludes payment methods for which the buyer would have to leave our page.
const fn no_redirects() -> CreatePaymentIntentAutomaticPaymentMethods {
    CreatePaymentIntentAutomaticPaymentMethods {
        allow_redirects: Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never),
        enabled: true,
    }
}

impl Stripe {
    /// Charges the card. Repeating the same request charges it once.
    ///
    /// Stripe stores a 500 under the idempotency key like any other answer and repeats it for a day. Then the key is
    /// resolved as in a withdrawal: an attempt that charged nothing is `Withdrawn`, and a new attempt can use another
    /// key. A key that is taken was withdrawn by a process that died before it wrote that.
    pub(crate) async fn charge(&self, request: &ChargeRequest<'_>) -> Result<Resolution, Unclear> {
        match self.confirm(request).await {
            Err(Failed::Broken(_)) if request.tries > 0 => self.withdraw(request).await,
            Err(Failed::KeyTaken) => self.withdraw(request).await,
            answer => answer.map_err(Failed::into_unclear),
        }
    }

    /// Ensures that the attempt can never charge, or finds out how it ended if it had reached Stripe.
    ///
    /// The attempt's idempotency key is used for a payment intent without a card. If the attempt had not reached
    /// Stripe, the key is now taken, so Stripe refuses the attempt if it arrives later. If it had, Stripe refuses this
    /// intent because the key was used for another, and repeats its first answer to the attempt.
    pub(crate) async fn withdraw(
        &self,
        request: &ChargeRequest<'_>,
    ) -> Result<Resolution, Unclear> {
        match self.spend_key(request, EmptyIntent::First).await {
            Ok(()) => Ok(Resolution::Withdrawn),
            // Stripe compares keys before it validates parameters, so the attempt has not arrived. It has the same
            // amount and currency, so Stripe will refuse it for the same reason. Refused parameters leave the key
            // unused, so retries would never end.
            Err(Failed::Refused(refusal)) => {
                let code = refusal.code();
                tracing::info!(order.id = %request.order, stripe.code = code, "withdrew a refused attempt");
                Ok(Resolution::Withdrawn)
            }
            Err(Failed::Unclear(unclear)) => Err(unclear),
            Err(Failed::KeyTaken) => self.repeat(request).await,
            // Stripe may have stored that answer. A different intent finds out. The attempt itself must not be sent,
            // because it would charge if it had not arrived.
            Err(Failed::Broken(_)) => match self.spend_key(request, EmptyIntent::Second).await {
                Ok(()) => Ok(Resolution::Withdrawn),
                Err(Failed::KeyTaken) => self.look_up(request).await,
                Err(failed) => Err(failed.into_unclear()),
            },
        }
    }

    /// How an attempt ended whose key is taken, so that no request begins under it any more.
    ///
    /// If Stripe stored a 500 for it, or the key belongs to an intent without a card, the list of intents shows the
    /// end.
    async fn repeat(&self, request: &ChargeRequest<'_>) -> Result<Resolution, Unclear> {
        match self.confirm(request).await {
            Err(Failed::KeyTaken | Failed::Broken(_)) => self.look_up(request).await,
            answer => answer.map_err(Failed::into_unclear),
        }
    }

    async fn confirm(&self, request: &ChargeRequest<'_>) -> Result<Resolution, Failed> {
        let confirmed = match &self.account {
            Account::Stripe(client) => {
                let send = request
                    .empty_intent()
                    .build()
                    .form(&request.confirmed_intent())
                    .customize::<PaymentIntent>()
                    .request_strategy(request.strategy())
                    .send(client.as_ref());
                let intent = self.call(CREATE_INTENT, send).await;
                intent.and_then(resolution)
            }
            Account::Replaced(stripe) => stripe.confirm(request).await,
        };
        match confirmed {
            Err(Failed::Refused(decline)) => Ok(Resolution::Declined(decline)),
            confirmed => confirmed,
        }
    }

    /// Uses the attempt's key for an intent without a card.
    async fn spend_key(
        &self,
        request: &ChargeRequest<'_>,
        intent: EmptyIntent,
    ) -> Result<(), Failed> {
        match &self.account {
            Account::Stripe(client) => {
                let mut metadata = request.metadata();
                if intent == EmptyIntent::Second {
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
            Account::Replaced(stripe) => stripe.spend_key(request, intent).await,
        }
    }
}

fn resolution(intent: PaymentIntent) -> Result<Resolution, Failed> {
    match intent.status {
        PaymentIntentStatus::Succeeded => charge_of(intent).map(Resolution::Charged),
        PaymentIntentStatus::RequiresAction | PaymentIntentStatus::RequiresPaymentMethod => Ok(
            Resolution::Declined(Decline::new("authentication_required")),
        ),
        other => {
            // The same key returns the same state again, whatever has happened to the intent since.
            let reason = format!("the payment intent is {}", other.as_str());
            Err(Failed::broken(reason))
        }
    }
}

/// The charge of a successful intent.
pub(super) fn charge_of(intent: PaymentIntent) -> Result<Charge, Failed> {
    let charge = intent.latest_charge;
    let charge =
        charge.ok_or_else(|| Failed::unclear("the payment intent succeeded without a charge"))?;
    Ok(Charge {
        id: charge.into_id().to_string(),
        intent: intent.id.to_string(),
    })
}
