//! Signed webhooks, one after the other, each repeated until its receiver confirms it.
//!
//! See <https://docs.stripe.com/webhooks>. An event that nobody confirms after [`ATTEMPTS`] is given up; the receiver
//! then finds it in the list of events, as it would at Stripe.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use crate::books::{Event, now};
use crate::faults::{DeliveryFault, Faults};
use crate::settings::Webhook;
use crate::wire;

/// How often an event is tried.
const ATTEMPTS: u32 = 10;
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// How long a receiver may take to confirm.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes events; they leave in the order they came.
#[derive(Debug, Clone)]
pub(crate) struct Courier {
    target: Arc<Mutex<Option<Webhook>>>,
    queue: UnboundedSender<Event>,
}

impl Courier {
    /// A courier, and the events that it took.
    pub(crate) fn new(target: Option<Webhook>) -> (Self, UnboundedReceiver<Event>) {
        let (queue, events) = unbounded_channel();
        let target = Arc::new(Mutex::new(target));
        (Self { target, queue }, events)
    }

    /// From now on deliveries go here, those that wait already included.
    pub(crate) fn set_target(&self, target: Option<Webhook>) {
        *self.lock() = target;
    }

    /// Whether anybody is told of events.
    pub(crate) fn has_target(&self) -> bool {
        self.lock().is_some()
    }

    /// Takes an event along.
    pub(crate) fn take(&self, event: Event) {
        // Only a stand-in that is stopping has no receiver.
        let _ = self.queue.send(event);
    }

    /// Delivers what comes, for ever. `confirmed` is told of each event that arrived.
    pub(crate) async fn deliver(
        self,
        mut events: UnboundedReceiver<Event>,
        faults: Faults,
        confirmed: impl Fn(&Event),
    ) {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            // The receiver is on this machine.
            .no_proxy()
            .build()
            .expect("these settings are valid");
        while let Some(event) = events.recv().await {
            let payload = wire::event(&event).to_string();
            let fault = faults.hit_delivery(event.kind);
            if let Some(DeliveryFault::Delay(delay)) = fault {
                sleep(delay).await;
            }
            if self.insist(&client, &event, &payload).await {
                confirmed(&event);
            }
            if fault == Some(DeliveryFault::Duplicate) {
                self.insist(&client, &event, &payload).await;
            }
        }
    }

    /// Tries until the receiver confirms; whether it did.
    async fn insist(&self, client: &reqwest::Client, event: &Event, payload: &str) -> bool {
        let mut delay = FIRST_DELAY;
        for attempt in 1..=ATTEMPTS {
            let Some(target) = self.lock().clone() else {
                return false;
            };
            match post(client, &target, payload).await {
                Ok(status) if status.is_success() => {
                    tracing::info!(
                        event = event.id,
                        kind = event.kind,
                        attempt,
                        "webhook delivered"
                    );
                    return true;
                }
                Ok(status) => {
                    tracing::warn!(event = event.id, kind = event.kind, attempt, %status, "webhook refused");
                }
                Err(error) => {
                    tracing::warn!(event = event.id, kind = event.kind, attempt, %error, "webhook not delivered");
                }
            }
            if attempt < ATTEMPTS {
                sleep(delay).await;
                delay = (delay * 2).min(LONGEST_DELAY);
            }
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Option<Webhook>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
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
