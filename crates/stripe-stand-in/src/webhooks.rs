//! Signed webhooks, each repeated until the receiver confirms it.
//!
//! See <https://docs.stripe.com/webhooks>. Events are independent of each other, as at Stripe: one that cannot be
//! delivered does not block the others. Without failures they arrive in order.

mod delivery;

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::event::Event;
use crate::faults::{FaultKind, Faults};
use crate::settings::Webhook;
use delivery::{Deliverer, Delivery};

/// How long an event waits for the first attempt of the previous one: events stay in order at a receiver that answers,
/// and are not blocked by one that does not.
const HEAD_START: Duration = Duration::from_millis(500);
/// How long a reordered event waits for another one to overtake it.
const LONGEST_HOLD: Duration = Duration::from_secs(2);

/// Queues events for the webhook.
#[derive(Debug, Clone)]
pub(crate) struct WebhookSender {
    target: Arc<Mutex<Option<Webhook>>>,
    queue: UnboundedSender<Event>,
}

impl WebhookSender {
    /// A sender and its queued events.
    pub(crate) fn new(target: Option<Webhook>) -> (Self, UnboundedReceiver<Event>) {
        let (queue, events) = unbounded_channel();
        let target = Arc::new(Mutex::new(target));
        (Self { target, queue }, events)
    }

    /// Changes the target, also for events that are already queued.
    pub(crate) fn set_target(&self, target: Option<Webhook>) {
        *self.lock() = target;
    }

    /// Whether there is a webhook.
    pub(crate) fn has_target(&self) -> bool {
        self.lock().is_some()
    }

    fn target(&self) -> Option<Webhook> {
        self.lock().clone()
    }

    /// Queues an event.
    pub(crate) fn send(&self, event: Event) {
        // The receiver is gone only while the stand-in stops.
        let _ = self.queue.send(event);
    }

    /// Delivers queued events forever. Calls `confirmed` with each delivered event.
    pub(crate) async fn deliver(
        self,
        mut events: UnboundedReceiver<Event>,
        faults: Faults,
        confirmed: impl Fn(&Event) + Send + Sync + 'static,
    ) {
        let deliverer = Arc::new(Deliverer::new(self, Box::new(confirmed)));
        let mut deliveries = JoinSet::new();
        let mut held_back = Vec::new();
        while let Some(event) = events.recv().await {
            while deliveries.try_join_next().is_some() {}
            let fault = faults.for_event(event.kind);
            let (first_attempt, attempted) = oneshot::channel();
            let delivery = Delivery {
                event,
                duplicate: fault == Some(FaultKind::WebhookDuplicate),
                first_attempt,
                overtakes: std::mem::take(&mut held_back),
            };
            let deliverer = deliverer.clone();
            match fault {
                Some(FaultKind::WebhookDelay { milliseconds }) => {
                    let delay = sleep(Duration::from_millis(milliseconds));
                    deliveries.spawn(deliverer.deliver(delivery, delay));
                }
                Some(FaultKind::WebhookReorder) => {
                    let (hold, overtaken) = oneshot::channel();
                    held_back.push(hold);
                    let overtaken = timeout(LONGEST_HOLD, overtaken);
                    deliveries.spawn(deliverer.deliver(delivery, overtaken));
                }
                _ => {
                    deliveries.spawn(deliverer.deliver(delivery, ready(())));
                    let _ = timeout(HEAD_START, attempted).await;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Webhook>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
