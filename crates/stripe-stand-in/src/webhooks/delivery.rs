//! The delivery of one event.
//!
//! An event that is not confirmed after [`ATTEMPTS`] is abandoned. The receiver can still find it in the list of
//! events, as at Stripe.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use super::WebhookSender;
use crate::clock::now;
use crate::event::Event;
use crate::settings::Webhook;

/// How often an event is sent at most.
const ATTEMPTS: u32 = 40;
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// The time that a receiver has to confirm.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of concurrent deliveries.
const MAX_CONCURRENT: usize = 16;

/// Signals by being dropped.
pub(super) type Signal = oneshot::Sender<()>;

/// An event to deliver.
pub(super) struct Delivery {
    pub(super) event: Event,
    /// Whether it is delivered twice.
    pub(super) duplicate: bool,
    /// Dropped after the first attempt.
    pub(super) first_attempt: Signal,
    /// Dropped after the delivery. The events that this one overtakes wait for that.
    pub(super) overtakes: Vec<Signal>,
}

/// The state that all deliveries share.
pub(super) struct Deliverer {
    sender: WebhookSender,
    client: reqwest::Client,
    permits: Semaphore,
    confirmed: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Deliverer {
    pub(super) fn new(sender: WebhookSender, confirmed: Box<dyn Fn(&Event) + Send + Sync>) -> Self {
        let client = reqwest::Client::builder()
            .timeout(RESPONSE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // The receiver is on this machine.
            .no_proxy()
            .build()
            .expect("these settings are valid");
        Self {
            sender,
            client,
            permits: Semaphore::new(MAX_CONCURRENT),
            confirmed,
        }
    }

    /// Delivers one event after `start` has completed.
    pub(super) async fn deliver(self: Arc<Self>, delivery: Delivery, start: impl Future) {
        start.await;
        let permit = self.permits.acquire().await;
        let _permit = permit.expect("the semaphore is never closed");
        let event = &delivery.event;
        let payload = event.to_json().to_string();
        let first_attempt = Some(delivery.first_attempt);
        if self
            .post_until_confirmed(event, &payload, first_attempt)
            .await
        {
            (self.confirmed)(event);
        }
        drop(delivery.overtakes);
        if delivery.duplicate {
            self.post_until_confirmed(event, &payload, None).await;
        }
    }

    /// Sends the event until the receiver confirms it; false if it never does.
    async fn post_until_confirmed(
        &self,
        event: &Event,
        payload: &str,
        mut first: Option<Signal>,
    ) -> bool {
        let mut delay = FIRST_DELAY;
        for attempt in 1..=ATTEMPTS {
            let Some(target) = self.sender.target() else {
                return false;
            };
            let answer = post(&self.client, &target, payload).await;
            drop(first.take());
            let (id, kind) = (&event.id, event.kind);
            match answer {
                Ok(status) if status.is_success() => {
                    tracing::info!(id, kind, attempt, "webhook delivered");
                    return true;
                }
                Ok(status) => tracing::warn!(id, kind, attempt, %status, "webhook refused"),
                Err(error) => tracing::warn!(id, kind, attempt, %error, "webhook not delivered"),
            }
            if attempt < ATTEMPTS {
                sleep(delay).await;
                delay = (delay * 2).min(LONGEST_DELAY);
            }
        }
        false
    }
}

async fn post(
    client: &reqwest::Client,
    target: &Webhook,
    payload: &str,
) -> reqwest::Result<reqwest::StatusCode> {
    let response = client
        .post(&target.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "Stripe/1.0 (stand-in)")
        .header(
            "stripe-signature",
            signature(&target.secret, now(), payload),
        )
        .body(payload.to_owned())
        .send()
        .await?;
    Ok(response.status())
}

/// The value of `Stripe-Signature`: the time, and an HMAC of the time and the payload.
fn signature(secret: &str, at: i64, payload: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{at}.{payload}").as_bytes());
    let digest = hex::encode(mac.finalize().into_bytes());
    format!("t={at},v1={digest}")
}
