//! Signed webhooks, each repeated until its receiver confirms it.
//!
//! See <https://docs.stripe.com/webhooks>. Events are independent of each other, as they are at Stripe: one that does
//! not arrive does not hold up the rest. As long as all goes well they arrive in order.

mod delivery;

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::books::Event;
use crate::faults::{DeliveryFault, Faults};
use crate::settings::Webhook;
use delivery::{Delivery, Round};

/// How long an event waits for the first attempt of the one before it to end: events stay in order at a receiver
/// that answers, and go on at one that does not.
const HEAD_START: Duration = Duration::from_millis(500);
/// How long an event that is to be overtaken waits for one to follow.
const LONGEST_HOLD: Duration = Duration::from_secs(2);

/// Takes events; they set out in the order they came.
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

    fn target(&self) -> Option<Webhook> {
        self.lock().clone()
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
        confirmed: impl Fn(&Event) + Send + Sync + 'static,
    ) {
        let round = Arc::new(Round::new(self, Box::new(confirmed)));
        let mut deliveries = JoinSet::new();
        let mut held_back = Vec::new();
        while let Some(event) = events.recv().await {
            while deliveries.try_join_next().is_some() {}
            let fault = faults.hit_delivery(event.kind);
            let (first_attempt, tried) = oneshot::channel();
            let delivery = Delivery {
                event,
                again: fault == Some(DeliveryFault::Duplicate),
                first_attempt,
                overtakes: std::mem::take(&mut held_back),
            };
            let round = round.clone();
            match fault {
                Some(DeliveryFault::Delay(delay)) => {
                    deliveries.spawn(round.deliver(delivery, sleep(delay)));
                }
                Some(DeliveryFault::Reorder) => {
                    let (hold, overtaken) = oneshot::channel();
                    held_back.push(hold);
                    let overtaken = timeout(LONGEST_HOLD, overtaken);
                    deliveries.spawn(round.deliver(delivery, overtaken));
                }
                Some(DeliveryFault::Duplicate) | None => {
                    deliveries.spawn(round.deliver(delivery, ready(())));
                    // That it was tried, and that it was not in time, come to the same.
                    let _ = timeout(HEAD_START, tried).await;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Webhook>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
