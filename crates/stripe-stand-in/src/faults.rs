//! Faults on demand: what a payment service must survive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault that is waiting for requests, or events, to hit.
///
/// Each takes one at a time, the one that was injected first before the others, so several make a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many requests, or events, it hits.
    #[serde(default = "once")]
    pub count: u32,
    /// It hits only paths that begin so (`/v1/refunds`); for the faults of webhooks, only such types of events
    /// (`payment_intent.`).
    #[serde(default)]
    pub path: Option<String>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The request is answered later. It is worked on even if the caller goes away meanwhile, and its idempotency key
    /// is in use as long.
    Slow {
        /// How much later.
        milliseconds: u64,
    },
    /// 500, and nothing is done. Like any other answer it is stored under the idempotency key, and given again for it.
    Error,
    /// 500, which is stored, although all is done.
    ErrorAfter,
    /// 503 from in front of Stripe: nothing is done, and nothing stored.
    Unavailable,
    /// All is done, idempotency key included, and then the connection closes without an answer.
    LostAnswer,
    /// The event is delivered twice.
    WebhookDuplicate,
    /// The event is delivered later. Those after it do not wait.
    WebhookDelay {
        /// How much later.
        milliseconds: u64,
    },
    /// The event is delivered after the one that follows it; after two seconds if none follows.
    WebhookReorder,
}

impl Fault {
    /// A fault that hits the next request, or event, whatever it is.
    #[must_use]
    pub const fn once(kind: FaultKind) -> Self {
        Self {
            kind,
            count: 1,
            path: None,
        }
    }

    /// The same for so many requests, or events.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// The same for such paths, or types of events, only.
    #[must_use]
    pub fn on(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    fn hits(&self, target: &str) -> bool {
        self.path
            .as_ref()
            .is_none_or(|path| target.starts_with(path))
    }
}

const fn once() -> u32 {
    1
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestFault {
    Slow(Duration),
    Error,
    ErrorAfter,
    Unavailable,
    LostAnswer,
}

/// What happens to one event on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryFault {
    Duplicate,
    Delay(Duration),
    Reorder,
}

/// The faults that wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn waiting(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// The fault that hits a request for this path.
    pub(crate) fn hit_request(&self, path: &str) -> Option<RequestFault> {
        self.hit(path, |kind| match kind {
            FaultKind::Slow { milliseconds } => {
                Some(RequestFault::Slow(Duration::from_millis(*milliseconds)))
            }
            FaultKind::Error => Some(RequestFault::Error),
            FaultKind::ErrorAfter => Some(RequestFault::ErrorAfter),
            FaultKind::Unavailable => Some(RequestFault::Unavailable),
            FaultKind::LostAnswer => Some(RequestFault::LostAnswer),
            FaultKind::WebhookDuplicate
            | FaultKind::WebhookDelay { .. }
            | FaultKind::WebhookReorder => None,
        })
    }

    /// The fault that hits an event of this type.
    pub(crate) fn hit_delivery(&self, event_type: &str) -> Option<DeliveryFault> {
        self.hit(event_type, |kind| match kind {
            FaultKind::WebhookDuplicate => Some(DeliveryFault::Duplicate),
            FaultKind::WebhookDelay { milliseconds } => {
                Some(DeliveryFault::Delay(Duration::from_millis(*milliseconds)))
            }
            FaultKind::WebhookReorder => Some(DeliveryFault::Reorder),
            FaultKind::Slow { .. }
            | FaultKind::Error
            | FaultKind::ErrorAfter
            | FaultKind::Unavailable
            | FaultKind::LostAnswer => None,
        })
    }

    fn hit<T>(&self, target: &str, of_kind: impl Fn(&FaultKind) -> Option<T>) -> Option<T> {
        let mut waiting = self.lock();
        waiting.retain(|fault| fault.count > 0);
        waiting
            .iter_mut()
            .filter(|fault| fault.hits(target))
            .find_map(|fault| {
                let hit = of_kind(&fault.kind)?;
                fault.count -= 1;
                Some(hit)
            })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
