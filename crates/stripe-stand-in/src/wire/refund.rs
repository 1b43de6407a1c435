//! See <https://docs.stripe.com/api/refunds/object>.

use serde_json::{Value, json};

use super::{Expand, bare_intent, charge};
use crate::books::{Books, Refund};

/// A refund, with nothing expanded.
pub(crate) fn refund(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": refund.balance_transaction,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "destination_details": {
            "card": {
                "reference": null,
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": "succeeded",
        "transfer_reversal": null,
    })
}

/// As [`refund`], with expanded objects.
pub(crate) fn expanded_refund(books: &Books, shown: &Refund, expand: &Expand) -> Value {
    let mut object = refund(shown);
    if expand.wants("charge") {
        object["charge"] = charge(books, books.charges.existing(&shown.charge));
    }
    if expand.wants("payment_intent") {
        object["payment_intent"] = bare_intent(books, &shown.intent);
    }
    object
}
