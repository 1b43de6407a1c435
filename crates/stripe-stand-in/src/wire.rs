//! Stripe's shapes in JSON, as of [`API_VERSION`]. Every field that Stripe always sends is there.

mod charge;
mod dispute;
mod expand;
mod payment_intent;
mod payment_method;
mod refund;
mod token;

use serde_json::{Value, json};

use crate::books::Event;

pub(crate) use charge::{charge, expanded_charge};
pub(crate) use dispute::dispute;
pub(crate) use expand::Expand;
pub(crate) use payment_intent::{bare_intent, payment_intent};
pub(crate) use payment_method::payment_method;
pub(crate) use refund::{expanded_refund, refund};
pub(crate) use token::token;

/// The version of Stripe's API whose shapes these are.
pub(crate) const API_VERSION: &str = "2026-09-30.endive";

/// One page of a list.
pub(crate) fn list(url: &str, data: &[Value], has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

/// An event.
pub(crate) fn event(event: &Event) -> Value {
    json!({
        "id": event.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": event.created,
        "data": event.data,
        "livemode": false,
        "pending_webhooks": u8::from(event.pending),
        "request": {
            "id": event.cause.request_id,
            "idempotency_key": event.cause.idempotency_key,
        },
        "type": event.kind,
    })
}

fn billing_details() -> Value {
    json!({
        "address": {
            "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null,
        },
        "email": null,
        "name": null,
        "phone": null,
        "tax_id": null,
    })
}
