//! See <https://docs.stripe.com/api/payment_intents/object>.

use serde_json::{Value, json};

use super::{Expand, charge, payment_method};
use crate::books::{AllowedMethods, Books, Intent, Status};

/// The intent with this id, with nothing expanded.
pub(crate) fn bare_intent(books: &Books, id: &str) -> Value {
    payment_intent(books, books.intents.existing(id), &Expand::default())
}

/// An intent.
pub(crate) fn payment_intent(books: &Books, intent: &Intent, expand: &Expand) -> Value {
    let params = &intent.params;
    let received = match intent.status {
        Status::Succeeded => params.amount,
        _ => 0,
    };
    let mut object = json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": params.amount,
        "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": received,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": automatic_payment_methods(params.allowed_methods),
        "canceled_at": intent.canceled.as_ref().map(|canceled| canceled.at),
        "cancellation_reason": intent.canceled.as_ref().and_then(|canceled| canceled.reason),
        "capture_method": params.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": params.confirmation_method,
        "created": intent.created,
        "currency": params.currency,
        "customer": null,
        "customer_account": null,
        "description": params.description,
        "excluded_payment_method_types": null,
        "last_payment_error": intent.last_error,
        "latest_charge": intent.latest_charge,
        "livemode": false,
        "metadata": params.metadata,
        "next_action": intent.next_action,
        "on_behalf_of": null,
        "payment_method": intent.method,
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": {
            "installments": null,
            "mandate_options": null,
            "network": null,
            "request_three_d_secure": "automatic",
        } },
        "payment_method_types": ["card"],
        "processing": null,
        "receipt_email": params.receipt_email,
        "review": null,
        "setup_future_usage": params.setup_future_usage,
        "shipping": null,
        "source": null,
        "statement_descriptor": params.statement_descriptor,
        "statement_descriptor_suffix": params.statement_descriptor_suffix,
        "status": intent.status,
        "transfer_data": null,
        "transfer_group": null,
    });
    if let Some(id) = intent
        .latest_charge
        .as_ref()
        .filter(|_| expand.wants("latest_charge"))
    {
        object["latest_charge"] = charge(books, books.charges.existing(id));
    }
    if let Some(id) = intent
        .method
        .as_ref()
        .filter(|_| expand.wants("payment_method"))
    {
        object["payment_method"] = payment_method(books.methods.existing(id));
    }
    object
}

fn automatic_payment_methods(methods: AllowedMethods) -> Value {
    match methods {
        AllowedMethods::Listed => Value::Null,
        AllowedMethods::Automatic { redirects } => json!({
            "allow_redirects": if redirects { "always" } else { "never" },
            "enabled": true,
        }),
    }
}
