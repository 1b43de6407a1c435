//! Charges: attempts of an intent to move money.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::event::Cause;
use super::intent::{Confirmation, Status};
use super::shelf::Item;
use super::{Books, new_id, now};
use crate::cards::{Decline, Verdict};
use crate::refusal::Refusal;
use crate::wire;

/// One attempt to move money.
#[derive(Debug)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) intent: String,
    pub(crate) method: String,
    pub(crate) amount: i64,
    pub(crate) refunded: i64,
    /// What a bank took back for good.
    pub(crate) lost: i64,
    /// The newest dispute.
    pub(crate) dispute: Option<String>,
    pub(crate) currency: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) balance_transaction: String,
    /// Why nothing was moved.
    pub(crate) failure: Option<&'static Decline>,
    pub(crate) created: i64,
    pub(crate) idempotency_key: Option<String>,
}

impl Item for Charge {
    const NAME: &'static str = "charge";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

const AUTHENTICATION: Decline = Decline {
    code: "authentication_required",
    decline_code: "authentication_required",
    message: "Your card was declined. This transaction requires authentication.",
    param: None,
};
static ABSENT_BUYER: Decline = AUTHENTICATION;
static ACTION_NOT_HANDLED: Decline = Decline {
    decline_code: "authentication_not_handled",
    message: "This payment required an authentication action to complete, but `error_on_requires_action` was set. \
              When you're ready, you can upgrade your integration to handle actions at \
              https://stripe.com/docs/payments/payment-intents/upgrade-to-handle-actions.",
    ..AUTHENTICATION
};

impl Books {
    /// Charges the card of an intent.
    pub(crate) fn confirm(
        &mut self,
        id: &str,
        confirmation: &Confirmation,
        cause: &Cause,
    ) -> Result<(), Refusal> {
        self.check_confirmable(id, confirmation)?;
        let Some(method) = self.intents.find(id)?.method.clone() else {
            let message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either \
                           update the PaymentIntent with a payment method and then confirm it again, or confirm it \
                           again directly with a payment method or ConfirmationToken.";
            return Err(self.unexpected_state(id, message.to_owned()));
        };
        match self.methods.known(&method).card.verdict {
            Verdict::Approved => {
                self.succeed(id, &method, cause);
                Ok(())
            }
            Verdict::Declined(decline) => Err(self.fail(id, &method, decline, cause)),
            Verdict::NeedsAuthentication if confirmation.off_session => {
                Err(self.fail(id, &method, &ABSENT_BUYER, cause))
            }
            Verdict::NeedsAuthentication if confirmation.error_on_requires_action => {
                Err(self.fail(id, &method, &ACTION_NOT_HANDLED, cause))
            }
            Verdict::NeedsAuthentication => {
                let intent = self.intents.known_mut(id);
                intent.status = Status::RequiresAction;
                intent.next_action = Some(next_action(id, confirmation.return_url.as_deref()));
                Ok(())
            }
        }
    }

    fn succeed(&mut self, id: &str, method: &str, cause: &Cause) {
        let charge = self.charge(id, method, None, cause);
        let intent = self.intents.known_mut(id);
        intent.status = Status::Succeeded;
        intent.latest_charge = Some(charge);
        intent.last_error = None;
        intent.next_action = None;
        let intent = wire::bare_intent(self, id);
        self.tell("payment_intent.succeeded", &intent, cause);
    }

    /// Records a declined attempt; what to answer.
    fn fail(
        &mut self,
        id: &str,
        method: &str,
        decline: &'static Decline,
        cause: &Cause,
    ) -> Refusal {
        let charge = self.charge(id, method, Some(decline), cause);
        let mut refusal = Refusal::card(decline.code, decline.message)
            .with("decline_code", decline.decline_code)
            .with("charge", charge.as_str())
            .with(
                "payment_method",
                wire::payment_method(self.methods.known(method)),
            );
        if let Some(param) = decline.param {
            refusal = refusal.param(param);
        }
        let intent = self.intents.known_mut(id);
        intent.status = Status::RequiresPaymentMethod;
        intent.method = None;
        intent.latest_charge = Some(charge);
        intent.last_error = Some(refusal.error());
        intent.next_action = None;
        let intent = wire::bare_intent(self, id);
        self.tell("payment_intent.payment_failed", &intent, cause);
        refusal.with("payment_intent", intent)
    }

    fn charge(
        &mut self,
        intent: &str,
        method: &str,
        failure: Option<&'static Decline>,
        cause: &Cause,
    ) -> String {
        let id = new_id("ch");
        let wanted = &self.intents.known(intent).wanted;
        self.charges.put(Charge {
            id: id.clone(),
            intent: intent.to_owned(),
            method: method.to_owned(),
            amount: wanted.amount,
            refunded: 0,
            lost: 0,
            dispute: None,
            currency: wanted.currency.clone(),
            metadata: wanted.metadata.clone(),
            balance_transaction: new_id("txn"),
            failure,
            created: now(),
            idempotency_key: cause.idempotency_key.clone(),
        });
        id
    }
}

fn next_action(intent: &str, return_url: Option<&str>) -> Value {
    match return_url {
        Some(return_url) => json!({
            "type": "redirect_to_url",
            "redirect_to_url": {
                "return_url": return_url,
                "url": format!("https://hooks.stripe.com/redirect/authenticate/{intent}"),
            },
        }),
        None => json!({
            "type": "use_stripe_sdk",
            "use_stripe_sdk": { "type": "three_d_secure_redirect" },
        }),
    }
}
