//! Stripe's objects as JSON, with all fields that Stripe always sends.

mod charge;
mod dispute;
mod expand;
mod payment_intent;
mod payment_method;
mod refund;
mod token;

use serde_json::{Value, json};

pub(crate) use charge::{charge, expanded_charge};
pub(crate) use dispute::dispute;
pub(crate) use expand::Expand;
pub(crate) use payment_intent::{bare_intent, payment_intent};
pub(crate) use payment_method::payment_method;
pub(crate) use refund::{expanded_refund, refund};
pub(crate) use token::token;

/// One page of a list.
pub(crate) fn list(url: &str, data: impl Iterator<Item = Value>, has_more: bool) -> Value {
    let data: Vec<_> = data.collect();
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
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
