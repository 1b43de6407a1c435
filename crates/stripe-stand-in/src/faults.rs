//! Faults on demand, which a payment service must survive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// A fault that waits for requests or events.
///
/// A request or event meets at most one fault, the one that was injected first. So several faults make a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What fails.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many requests or events meet it.
    #[serde(default = "once")]
    pub count: u32,
    /// Limits it to paths with this prefix (`/v1/refunds`), or to event types with this prefix (`payment_intent.`) for
    /// faults of webhooks.
    #[serde(default)]
    pub path: Option<String>,
}

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The request is answered later. It is processed even if the caller disconnects, and its idempotency key is in use
    /// meanwhile.
    Slow {
        /// The delay.
        milliseconds: u64,
    },
    /// 500 without effect. It is stored under the idempotency key, like any other answer.
    Error,
    /// 500, stored in the same way, although the request takes effect.
    ErrorAfter,
    /// 503 from a proxy in front of Stripe: no effect, and nothing is stored.
    Unavailable,
    /// The request takes effect and its answer is stored, but the connection closes without an answer.
    LostAnswer,
    /// The event is delivered twice.
    WebhookDuplicate,
    /// The event is delivered later. The following events do not wait.
    WebhookDelay {
        /// The delay.
        milliseconds: u64,
    },
    /// The event is delivered after the following one, or after two seconds if none follows.
    WebhookReorder,
}

impl Fault {
    /// A fault that the next request or event meets.
    #[must_use]
    pub const fn once(kind: FaultKind) -> Self {
        Self {
            kind,
            count: 1,
            path: None,
        }
    }

    /// The same for this many requests or events.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// The same, limited to paths or event types with this prefix.
    #[must_use]
    pub fn on(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

const fn once() -> u32 {
    1
}

impl FaultKind {
    const fn is_of_webhooks(self) -> bool {
        matches!(
            self,
            Self::WebhookDuplicate | Self::WebhookDelay { .. } | Self::WebhookReorder
        )
    }
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

    /// Takes the fault for a request to this path.
    pub(crate) fn for_request(&self, path: &str) -> Option<FaultKind> {
        self.take(path, |kind| !kind.is_of_webhooks())
    }

    /// Takes the fault for an event of this type.
    pub(crate) fn for_event(&self, event_type: &str) -> Option<FaultKind> {
        self.take(event_type, FaultKind::is_of_webhooks)
    }

    fn take(&self, target: &str, applies: impl Fn(FaultKind) -> bool) -> Option<FaultKind> {
        let mut waiting = self.lock();
        waiting.retain(|fault| fault.count > 0);
        let fault = waiting.iter_mut().find(|fault| {
            let path = fault.path.as_ref();
            applies(fault.kind) && path.is_none_or(|path| target.starts_with(path))
        })?;
        fault.count -= 1;
        Some(fault.kind)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
