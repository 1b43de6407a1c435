//! What happened, as it is told to webhooks.

use serde_json::{Value, json};

use super::shelf::Item;
use super::{Books, new_id, now};

/// An event. What it tells never changes afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// Such as `payment_intent.succeeded`.
    pub(crate) kind: &'static str,
    pub(crate) data: Value,
    pub(crate) cause: Cause,
    pub(crate) created: i64,
    /// Whether a webhook is yet to be told.
    pub(crate) pending: bool,
}

/// The request that made something happen.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    /// None for what was no request of the API's.
    pub(crate) request_id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

impl Cause {
    /// A person in the dashboard, or a bank.
    pub(crate) const fn by_hand() -> Self {
        Self {
            request_id: None,
            idempotency_key: None,
        }
    }
}

impl Item for Event {
    const NAME: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }
}

impl Books {
    /// Records what happened to an object, and gives it to the courier.
    pub(super) fn tell(&mut self, kind: &'static str, object: &Value, cause: &Cause) {
        self.tell_data(kind, json!({ "object": object }), cause);
    }

    /// As [`Books::tell`], with what the changed attributes were before.
    pub(super) fn tell_change(
        &mut self,
        kind: &'static str,
        object: &Value,
        before: &Value,
        cause: &Cause,
    ) {
        let data = json!({ "object": object, "previous_attributes": before });
        self.tell_data(kind, data, cause);
    }

    fn tell_data(&mut self, kind: &'static str, data: Value, cause: &Cause) {
        let event = Event {
            id: new_id("evt"),
            kind,
            data,
            cause: cause.clone(),
            created: now(),
            pending: self.courier.has_target(),
        };
        if event.pending {
            self.courier.take(event.clone());
        }
        self.events.put(event);
    }
}
