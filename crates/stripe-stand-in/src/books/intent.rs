//! Payment intents: what a merchant wants to be paid, and where that stands.
//!
//! See <https://docs.stripe.com/payments/paymentintents/lifecycle>.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::event::Cause;
use super::shelf::Item;
use super::{Books, new_id, now};
use crate::refusal::Refusal;
use crate::wire;

/// A payment that is wanted, tried or done.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) wanted: NewIntent,
    pub(crate) status: Status,
    pub(crate) method: Option<String>,
    pub(crate) latest_charge: Option<String>,
    /// Why the last confirmation failed.
    pub(crate) last_error: Option<Value>,
    pub(crate) next_action: Option<Value>,
    pub(crate) canceled: Option<Canceled>,
    pub(crate) client_secret: String,
    pub(crate) created: i64,
}

/// What the merchant wants of an intent.
#[derive(Debug, Clone)]
pub(crate) struct NewIntent {
    /// In the smallest unit of the currency.
    pub(crate) amount: i64,
    /// Lower-case ISO code.
    pub(crate) currency: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) setup_future_usage: Option<&'static str>,
    pub(crate) capture_method: &'static str,
    pub(crate) confirmation_method: &'static str,
    pub(crate) means: Means,
}

/// By what means a buyer may pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// Those that the request listed: cards.
    Listed,
    /// Those that the account allows, with or without such as lead the buyer elsewhere.
    Automatic { redirects: bool },
}

/// Where an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Canceled,
    Succeeded,
}

/// The end of an intent without a payment.
#[derive(Debug, Clone)]
pub(crate) struct Canceled {
    pub(crate) at: i64,
    pub(crate) reason: Option<&'static str>,
}

/// How an intent is to be confirmed.
#[derive(Debug, Default)]
pub(crate) struct Confirmation {
    pub(crate) return_url: Option<String>,
    /// The buyer is not there.
    pub(crate) off_session: bool,
    /// Fail rather than ask the buyer for anything.
    pub(crate) error_on_requires_action: bool,
}

impl Item for Intent {
    const NAME: &'static str = "payment_intent";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl Status {
    /// As Stripe spells it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
        }
    }
}

impl Books {
    /// Adds an intent; its id.
    pub(crate) fn create_intent(&mut self, wanted: NewIntent, method: Option<String>) -> String {
        let id = new_id("pi");
        let status = match method {
            Some(_) => Status::RequiresConfirmation,
            None => Status::RequiresPaymentMethod,
        };
        self.intents.put(Intent {
            client_secret: new_id(&format!("{id}_secret")),
            id: id.clone(),
            wanted,
            status,
            method,
            latest_charge: None,
            last_error: None,
            next_action: None,
            canceled: None,
            created: now(),
        });
        id
    }

    /// Ends an intent that has not succeeded.
    pub(crate) fn cancel(
        &mut self,
        id: &str,
        reason: Option<&'static str>,
        cause: &Cause,
    ) -> Result<(), Refusal> {
        let intent = self.intents.find(id)?;
        if matches!(intent.status, Status::Succeeded | Status::Canceled) {
            let message = format!(
                "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one \
                 of the following statuses may be canceled: requires_payment_method, requires_capture, \
                 requires_confirmation, requires_action, processing.",
                intent.status.name()
            );
            return Err(self.unexpected_state(id, message));
        }
        let intent = self.intents.known_mut(id);
        intent.status = Status::Canceled;
        intent.next_action = None;
        intent.canceled = Some(Canceled { at: now(), reason });
        let intent = wire::bare_intent(self, id);
        self.tell("payment_intent.canceled", &intent, cause);
        Ok(())
    }

    /// Refuses to go on with an intent that cannot be confirmed this way.
    pub(crate) fn check_confirmable(
        &self,
        id: &str,
        confirmation: &Confirmation,
    ) -> Result<(), Refusal> {
        let intent = self.intents.find(id)?;
        let message = match intent.status {
            Status::Succeeded => {
                "You cannot confirm this PaymentIntent because it has already succeeded after being previously \
                 confirmed."
            }
            Status::Canceled => {
                "You cannot confirm this PaymentIntent because it has a status of canceled. Only a PaymentIntent with \
                 one of the following statuses may be confirmed: requires_confirmation, requires_action."
            }
            Status::RequiresPaymentMethod
            | Status::RequiresConfirmation
            | Status::RequiresAction => {
                return confirmation.check(intent.wanted.means);
            }
        };
        Err(self.unexpected_state(id, message.to_owned()))
    }

    pub(super) fn unexpected_state(&self, id: &str, message: String) -> Refusal {
        Refusal::conflicting(message)
            .code("payment_intent_unexpected_state")
            .with("payment_intent", wire::bare_intent(self, id))
    }
}

impl Confirmation {
    /// Refuses means that may lead the buyer elsewhere, when there is no way back.
    pub(crate) fn check(&self, means: Means) -> Result<(), Refusal> {
        let may_redirect = means == Means::Automatic { redirects: true };
        if !may_redirect || self.return_url.is_some() || self.off_session {
            return Ok(());
        }
        Err(Refusal::invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of \
             these payment methods might redirect your customer off of your page, you must provide a `return_url`. If \
             you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to \
             `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and \
             Payment Intents.",
        ))
    }
}
