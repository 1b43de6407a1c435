//! See <https://docs.stripe.com/api/charges/object>.

use serde_json::{Value, json};

use super::{Expand, bare_intent, billing_details, list, refund};
use crate::books::{Books, Charge};
use crate::cards::{Card, Decline};

/// A charge, with nothing expanded.
pub(crate) fn charge(books: &Books, charge: &Charge) -> Value {
    let paid = charge.failure.is_none();
    let intent = &books.intents.existing(&charge.intent).params;
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": if paid { charge.amount } else { 0 },
        "amount_refunded": charge.refunded,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": paid.then_some(&charge.balance_transaction),
        "billing_details": billing_details(),
        "calculated_statement_descriptor": "TICKETS",
        "captured": paid,
        "created": charge.created,
        "currency": charge.currency,
        "customer": null,
        "description": intent.description,
        "destination": null,
        "dispute": charge.dispute,
        "disputed": charge.dispute.is_some(),
        "failure_balance_transaction": null,
        "failure_code": charge.failure.map(|decline| decline.code),
        "failure_message": charge.failure.map(|decline| decline.message),
        "fraud_details": {},
        "livemode": false,
        "metadata": charge.metadata,
        "on_behalf_of": null,
        "order": null,
        "outcome": outcome(charge.failure),
        "paid": paid,
        "payment_intent": charge.intent,
        "payment_method": charge.method,
        "payment_method_details": details(charge, &books.methods.existing(&charge.method).card),
        "presentment_details": null,
        "radar_options": {},
        "receipt_email": intent.receipt_email,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": paid && charge.refunded == charge.amount,
        "review": null,
        "shipping": null,
        "source": null,
        "source_transfer": null,
        "statement_descriptor": intent.statement_descriptor,
        "statement_descriptor_suffix": intent.statement_descriptor_suffix,
        "status": if paid { "succeeded" } else { "failed" },
        "transfer_data": null,
        "transfer_group": null,
    })
}

/// As [`charge`], with expanded objects.
pub(crate) fn expanded_charge(books: &Books, shown: &Charge, expand: &Expand) -> Value {
    let mut object = charge(books, shown);
    if expand.wants("payment_intent") {
        object["payment_intent"] = bare_intent(books, &shown.intent);
    }
    if expand.wants("refunds") {
        let refunds = books.refunds.iter().rev();
        let refunds = refunds.filter(|refund| refund.charge == shown.id);
        let url = format!("/v1/charges/{}/refunds", shown.id);
        object["refunds"] = list(&url, refunds.map(refund), false);
    }
    object
}

fn outcome(failure: Option<&Decline>) -> Value {
    let blocked = failure.is_some_and(|decline| decline.decline_code == "fraudulent");
    let (network_status, seller_message, kind) = match failure {
        None => ("approved_by_network", "Payment complete.", "authorized"),
        Some(_) if blocked => (
            "not_sent_to_network",
            "Stripe blocked this payment as too risky.",
            "blocked",
        ),
        Some(_) => (
            "declined_by_network",
            "The bank did not return any further details with this decline.",
            "issuer_declined",
        ),
    };
    json!({
        "advice_code": null,
        "network_advice_code": null,
        "network_decline_code": null,
        "network_status": network_status,
        "reason": failure.map(|decline| decline.decline_code),
        "risk_level": if blocked { "highest" } else { "normal" },
        "risk_score": if blocked { 85 } else { 20 },
        "seller_message": seller_message,
        "type": kind,
    })
}

fn details(charge: &Charge, card: &Card) -> Value {
    let paid = charge.failure.is_none();
    let cvc_check = match charge.failure {
        Some(decline) if decline.code == "incorrect_cvc" => "fail",
        _ => "pass",
    };
    json!({
        "card": {
            "amount_authorized": paid.then_some(charge.amount),
            "authorization_code": null,
            "brand": card.brand.id,
            "checks": {
                "address_line1_check": null,
                "address_postal_code_check": null,
                "cvc_check": cvc_check,
            },
            "country": "US",
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "extended_authorization": { "status": "disabled" },
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "incremental_authorization": { "status": "unavailable" },
            "installments": null,
            "last4": card.last4,
            "mandate": null,
            "multicapture": { "status": "unavailable" },
            "network": card.brand.id,
            "network_token": { "used": false },
            "network_transaction_id": null,
            "overcapture": { "maximum_amount_capturable": charge.amount, "status": "unavailable" },
            "regulated_status": "unregulated",
            "three_d_secure": null,
            "wallet": null,
        },
        "type": "card",
    })
}
