//! Confirmation of an intent, which charges its card.

use serde_json::{Value, json};

use crate::books::{AllowedMethods, Books, Charge, Status, new_id};
use crate::cards::{Decline, Verdict};
use crate::clock::now;
use crate::event::Cause;
use crate::refusal::Refusal;
use crate::wire;

/// How to confirm an intent.
#[derive(Debug, Default)]
pub(crate) struct Confirmation {
    pub(crate) return_url: Option<String>,
    /// The buyer is not present.
    pub(crate) off_session: bool,
    /// Fail instead of asking the buyer to act.
    pub(crate) error_on_requires_action: bool,
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
    /// Charges the intent's card.
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
            return Err(self.unexpected_state(id, message));
        };
        match self.methods.existing(&method).card.verdict {
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
                let intent = self.intents.existing_mut(id);
                intent.status = Status::RequiresAction;
                intent.next_action = Some(next_action(id, confirmation.return_url.as_deref()));
                Ok(())
            }
        }
    }

    /// Refuses an intent that cannot be confirmed this way.
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
                return confirmation.check(intent.params.allowed_methods);
            }
        };
        Err(self.unexpected_state(id, message))
    }

    fn succeed(&mut self, id: &str, method: &str, cause: &Cause) {
        let charge = self.add_charge(id, method, None, cause);
        let intent = self.intents.existing_mut(id);
        intent.status = Status::Succeeded;
        intent.latest_charge = Some(charge);
        intent.last_error = None;
        intent.next_action = None;
        let intent = wire::bare_intent(self, id);
        self.emit("payment_intent.succeeded", &intent, cause);
    }

    /// Records a declined attempt and returns the answer.
    fn fail(
        &mut self,
        id: &str,
        method: &str,
        decline: &'static Decline,
        cause: &Cause,
    ) -> Refusal {
        let charge = self.add_charge(id, method, Some(decline), cause);
        let mut refusal = Refusal::card(decline.code, decline.message)
            .with("decline_code", decline.decline_code)
            .with("charge", charge.as_str())
            .with(
                "payment_method",
                wire::payment_method(self.methods.existing(method)),
            );
        if let Some(param) = decline.param {
            refusal = refusal.param(param);
        }
        let intent = self.intents.existing_mut(id);
        intent.status = Status::RequiresPaymentMethod;
        intent.method = None;
        intent.latest_charge = Some(charge);
        intent.last_error = Some(refusal.error());
        intent.next_action = None;
        let intent = wire::bare_intent(self, id);
        self.emit("payment_intent.payment_failed", &intent, cause);
        refusal.with("payment_intent", intent)
    }

    /// Adds the charge and returns its id.
    fn add_charge(
        &mut self,
        intent: &str,
        method: &str,
        failure: Option<&'static Decline>,
        cause: &Cause,
    ) -> String {
        let id = new_id("ch");
        let params = &self.intents.existing(intent).params;
        self.charges.insert(Charge {
            id: id.clone(),
            intent: intent.to_owned(),
            method: method.to_owned(),
            amount: params.amount,
            refunded: 0,
            lost: 0,
            dispute: None,
            currency: params.currency.clone(),
            metadata: params.metadata.clone(),
            balance_transaction: new_id("txn"),
            failure,
            created: now(),
            idempotency_key: cause.idempotency_key.clone(),
        });
        id
    }
}

impl Confirmation {
    /// Refuses payment methods that may redirect the buyer if there is no URL to return to.
    pub(crate) fn check(&self, methods: AllowedMethods) -> Result<(), Refusal> {
        let may_redirect = methods == AllowedMethods::Automatic { redirects: true };
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
