//! Stripe's webhooks: whether they are Stripe's, and what they tell us.

use common::id::kind;
use common::{Id, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use service::metrics::catalogue::STRIPE_WEBHOOKS;
use service::metrics::{Counters, Metrics};
use stripe_shared::PaymentIntent;
use stripe_webhook::{EventObject, Webhook, WebhookError};

use super::StripeConfig;
use super::charge::{ATTEMPT, ORDER_ID, paid};
use crate::domain::Charge;

/// Reads webhooks.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    secret: SecretString,
    came: Counters<1>,
}

/// What a webhook tells us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// An attempt of ours succeeded.
    Paid {
        /// What it pays.
        order: Id<kind::Order>,
        /// Its number.
        attempt: u32,
        /// What was charged.
        charge: Charge,
    },
    /// Nothing that we act upon. A decline is learned from the answer to the attempt, and refunds are ours.
    Other,
}

/// Why a webhook is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebhookRefusal {
    /// There is no signature, or it is not Stripe's.
    #[error("Webhook signature is missing or wrong")]
    Signature,
    /// It was signed more than five minutes ago, or will be.
    #[error("Webhook signature is too old")]
    Age,
    /// Stripe signed it, but it is none of the objects that we know.
    #[error("Webhook body is unreadable")]
    Body,
}

impl Webhooks {
    /// A reader of webhooks signed with the configured secret.
    pub(crate) fn new(config: &StripeConfig, metrics: &Metrics) -> Self {
        Self {
            came: metrics.counters(&STRIPE_WEBHOOKS),
            secret: config.webhook_secret.clone(),
        }
    }

    /// What the webhook with this body and `Stripe-Signature` says.
    pub(crate) fn read(
        &self,
        body: &str,
        signature: &str,
        now: Timestamp,
    ) -> Result<Notice, WebhookRefusal> {
        let seconds = now.milliseconds() / 1_000;
        let secret = self.secret.expose_secret();
        let event = Webhook::construct_event_with_timestamp(body, signature, secret, seconds);
        let outcome = if event.is_ok() { "taken" } else { "refused" };
        self.came.with([outcome]).increment();
        let event = event?;
        Ok(match event.data.object {
            EventObject::PaymentIntentSucceeded(intent) => {
                success(*intent).unwrap_or(Notice::Other)
            }
            _ => Notice::Other,
        })
    }
}

/// The success, if it is of an attempt of ours: other programs may use the same account.
fn success(intent: PaymentIntent) -> Option<Notice> {
    Some(Notice::Paid {
        order: intent.metadata.get(ORDER_ID)?.parse().ok()?,
        attempt: intent.metadata.get(ATTEMPT)?.parse().ok()?,
        charge: paid(intent)?,
    })
}

impl From<WebhookError> for WebhookRefusal {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::BadTimestamp(_) => Self::Age,
            WebhookError::BadParse(_) => Self::Body,
            WebhookError::BadKey | WebhookError::BadHeader(_) | WebhookError::BadSignature => {
                Self::Signature
            }
        }
    }
}
