//! Stripe's webhooks: whether they are Stripe's, and what they tell us.

use std::collections::HashMap;

use common::id::kind;
use common::{Id, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use telemetry::metrics::{Counters, Metrics};

use super::StripeConfig;
use super::charge::{ATTEMPT, ORDER_ID};
use super::signature::verify;
use crate::domain::Charge;
use crate::metrics::catalogue::STRIPE_WEBHOOKS;

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
    /// Something happened to a charge afterwards: a refund or a dispute. What exactly is for Stripe to say now, since
    /// webhooks arrive twice and in any order.
    Reversed {
        /// The payment intent's id.
        intent: String,
    },
    /// Nothing that we act upon. A decline is learned from the answer to the attempt.
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
        let read = verify(body, signature, &self.secret, seconds).and_then(|()| notice_in(body));
        let outcome = if read.is_ok() { "taken" } else { "refused" };
        self.came.with([outcome]).increment();
        read
    }
}

/// An event as Stripe wraps it. Not the library's type of all events: that takes minutes of a processor to compile,
/// and it knows one version of the API, where webhooks are of whichever the account has.
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

/// A payment intent, as much of it as we need.
#[derive(Deserialize)]
struct Intent {
    id: String,
    #[serde(default)]
    metadata: HashMap<String, String>,
    latest_charge: Option<Reference>,
}

/// A charge, a refund or a dispute, each of which names its payment intent, if there is one: ours all have one.
#[derive(Deserialize)]
struct Reversal {
    payment_intent: Option<Reference>,
}

/// An object that may be there in full.
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
    /// The success, if it is of an attempt of ours: other programs may use the same account.
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
