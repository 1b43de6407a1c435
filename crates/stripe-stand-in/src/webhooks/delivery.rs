//! The way of one event to its receiver.
//!
//! An event that nobody confirms after [`ATTEMPTS`] is given up; the receiver then finds it in the list of events, as
//! it would at Stripe.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use super::Courier;
use crate::books::{Event, now};
use crate::settings::Webhook;
use crate::wire;

/// How often an event is tried.
const ATTEMPTS: u32 = 40;
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// How long a receiver may take to confirm.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many events are tried at once.
const AT_ONCE: usize = 16;

/// Dropped when that which it stands for has happened.
pub(super) type Signal = oneshot::Sender<()>;

/// An event on its way.
pub(super) struct Delivery {
    pub(super) event: Event,
    /// Whether it is delivered twice.
    pub(super) again: bool,
    /// Dropped when it was tried once.
    pub(super) first_attempt: Signal,
    /// Dropped when it was delivered: events that it is to overtake wait for that.
    pub(super) overtakes: Vec<Signal>,
}

/// What all deliveries share.
pub(super) struct Round {
    courier: Courier,
    client: reqwest::Client,
    room: Semaphore,
    confirmed: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Round {
    pub(super) fn new(courier: Courier, confirmed: Box<dyn Fn(&Event) + Send + Sync>) -> Self {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            // The receiver is on this machine.
            .no_proxy()
            .build()
            .expect("these settings are valid");
        Self {
            courier,
            client,
            room: Semaphore::new(AT_ONCE),
            confirmed,
        }
    }

    /// Delivers one event when its time has come.
    pub(super) async fn deliver(self: Arc<Self>, delivery: Delivery, start: impl Future) {
        start.await;
        let room = self.room.acquire().await;
        let _room = room.expect("nobody closes it");
        let event = &delivery.event;
        let payload = wire::event(event).to_string();
        let first_attempt = Some(delivery.first_attempt);
        if self.insist(event, &payload, first_attempt).await {
            (self.confirmed)(event);
        }
        drop(delivery.overtakes);
        if delivery.again {
            self.insist(event, &payload, None).await;
        }
    }

    /// Tries until the receiver confirms; whether it did.
    async fn insist(&self, event: &Event, payload: &str, mut first: Option<Signal>) -> bool {
        let mut delay = FIRST_DELAY;
        for attempt in 1..=ATTEMPTS {
            let Some(target) = self.courier.target() else {
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

/// The value of `Stripe-Signature`: when it was signed, and an HMAC of that and the payload.
fn signature(secret: &str, at: i64, payload: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{at}.{payload}").as_bytes());
    let digest = hex::encode(mac.finalize().into_bytes());
    format!("t={at},v1={digest}")
}
