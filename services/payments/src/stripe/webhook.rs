//! Stripe's webhooks: verifies the signature and reads the event.
//!
//! The signature's format: <https://docs.stripe.com/webhooks#verify-manually>.

use std::collections::HashMap;

use common::id::kind;
use common::{Id, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;
use telemetry::metrics::{Counters, Metrics};

use super::charge::{ATTEMPT, ORDER_ID};
use super::config::StripeConfig;
use crate::domain::Charge;
use crate::metrics::catalogue::STRIPE_WEBHOOKS;

/// How far the signer's clock may differ from ours, in seconds, as in Stripe's own libraries.
const TOLERANCE: u64 = 300;

/// Reads webhooks.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    secret: SecretString,
    received: Counters<1>,
}

/// What a webhook reports.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// An attempt of ours succeeded.
    Paid {
        /// The order that it pays.
        order: Id<kind::Order>,
        /// The attempt's number.
        attempt: u32,
        /// The charge.
        charge: Charge,
    },
    /// A refund of a charge or a dispute about it. The details are read from Stripe, because webhooks arrive more than
    /// once and in any order.
    Reversed {
        /// The payment intent's id.
        intent: String,
    },
    /// Nothing that the service uses. It learns of a decline from the answer to the attempt.
    Other,
}

/// Why a webhook is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebhookRefusal {
    /// The signature is missing or not Stripe's.
    #[error("Webhook signature is missing or wrong")]
    Signature,
    /// The signature's time differs from ours by more than five minutes.
    #[error("Webhook signature is too old")]
    Age,
    /// Stripe signed the body, but it has an unknown shape.
    #[error("Webhook body is unreadable")]
    Body,
}

impl Webhooks {
    /// A reader of webhooks signed with the configured secret.
    pub(crate) fn new(config: &StripeConfig, metrics: &Metrics) -> Self {
        Self {
            received: metrics.counters(&STRIPE_WEBHOOKS),
            secret: config.webhook_secret.clone(),
        }
    }

    /// Verifies and reads the webhook with this body and this `Stripe-Signature`.
    pub(crate) fn read(
        &self,
        body: &str,
        signature: &str,
        now: Timestamp,
    ) -> Result<Notice, WebhookRefusal> {
        let seconds = now.milliseconds() / 1_000;
        let read = verify(body, signature, &self.secret, seconds).and_then(|()| notice_in(body));
        let outcome = if read.is_ok() { "taken" } else { "refused" };
        self.received.with([outcome]).increment();
        read
    }
}

/// Refuses a body that this `Stripe-Signature` does not sign, or that was not signed at about `now`, in seconds since
/// 1970.
fn verify(
    body: &str,
    signature: &str,
    secret: &SecretString,
    now: i64,
) -> Result<(), WebhookRefusal> {
    let parts = || signature.split(',').filter_map(|part| part.split_once('='));
    let signed_at = parts().find_map(|(name, value)| (name.trim() == "t").then_some(value));
    let signed_at = signed_at.ok_or(WebhookRefusal::Signature)?;
    let seconds: i64 = signed_at.parse().map_err(|_| WebhookRefusal::Signature)?;
    let mut expected = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    expected.update(signed_at.as_bytes());
    expected.update(b".");
    expected.update(body.as_bytes());
    // There are several signatures while a secret is being replaced. Each is compared in constant time.
    let is_signed = parts()
        .filter(|(name, _)| name.trim() == "v1")
        .filter_map(|(_, digest)| hex::decode(digest).ok())
        .any(|digest| expected.clone().verify_slice(&digest).is_ok());
    if !is_signed {
        return Err(WebhookRefusal::Signature);
    }
    if now.abs_diff(seconds) > TOLERANCE {
        return Err(WebhookRefusal::Age);
    }
    Ok(())
}

/// The envelope of a Stripe event. The client library's event type is not used: it takes minutes to compile, and it
/// knows only one version of the API, while the account decides which version its webhooks have.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

fn notice_in(body: &str) -> Result<Notice, WebhookRefusal> {
    let event: Event = serde_json::from_str(body).map_err(|_| WebhookRefusal::Body)?;
    let object = event.data.object;
    let notice = match event.kind.as_str() {
        "payment_intent.succeeded" => read::<Intent>(object)?.success(),
        "charge.refunded" | "charge.refund.updated" => read::<Reversal>(object)?.notice(),
        kind if kind.starts_with("refund.") || kind.starts_with("charge.dispute.") => {
            read::<Reversal>(object)?.notice()
        }
        _ => None,
    };
    Ok(notice.unwrap_or(Notice::Other))
}

fn read<T: DeserializeOwned>(object: Value) -> Result<T, WebhookRefusal> {
    T::deserialize(object).map_err(|_| WebhookRefusal::Body)
}

/// The needed fields of a payment intent.
#[derive(Deserialize)]
struct Intent {
    id: String,
    #[serde(default)]
    metadata: HashMap<String, String>,
    latest_charge: Option<Reference>,
}

/// A charge, a refund or a dispute. Each names its payment intent if it has one, as all of ours do.
#[derive(Deserialize)]
struct Reversal {
    payment_intent: Option<Reference>,
}

/// An object's id, or the object in full.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(String),
    Object { id: String },
}

impl Reversal {
    fn notice(self) -> Option<Notice> {
        let (Reference::Id(intent) | Reference::Object { id: intent }) = self.payment_intent?;
        Some(Notice::Reversed { intent })
    }
}

impl Intent {
    /// The success, if it belongs to an attempt of ours: other programs may use the same account.
    fn success(self) -> Option<Notice> {
        let order = self.metadata.get(ORDER_ID)?.parse().ok()?;
        let attempt = self.metadata.get(ATTEMPT)?.parse().ok()?;
        let (Reference::Id(charge) | Reference::Object { id: charge }) = self.latest_charge?;
        let charge = Charge {
            id: charge,
            intent: self.id,
        };
        Some(Notice::Paid {
            order,
            attempt,
            charge,
        })
    }
}
