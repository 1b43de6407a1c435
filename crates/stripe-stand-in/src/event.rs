//! Events: what happened to an object, for webhooks and for the list of events.
//!
//! See <https://docs.stripe.com/api/events/object>.

use serde_json::{Value, json};

use crate::settings::API_VERSION;

/// An event. Its data is the object's state at that time.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// Such as `payment_intent.succeeded`.
    pub(crate) kind: &'static str,
    pub(crate) data: Value,
    pub(crate) cause: Cause,
    pub(crate) created: i64,
    /// Whether a webhook has yet to be delivered.
    pub(crate) pending: bool,
}

/// The request that caused an event.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    /// `None` for what was not requested through the API.
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

impl Event {
    /// The event in Stripe's shape.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.created,
            "data": self.data,
            "livemode": false,
            "pending_webhooks": u8::from(self.pending),
            "request": {
                "id": self.cause.request_id,
                "idempotency_key": self.cause.idempotency_key,
            },
            "type": self.kind,
        })
    }
}
