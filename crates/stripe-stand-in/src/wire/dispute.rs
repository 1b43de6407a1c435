//! See <https://docs.stripe.com/api/disputes/object>.

use serde_json::{Value, json};

use crate::books::Dispute;

/// A dispute, with nothing expanded.
pub(crate) fn dispute(dispute: &Dispute) -> Value {
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": [],
        "charge": dispute.charge,
        "created": dispute.created,
        "currency": dispute.currency,
        "enhanced_eligibility_types": [],
        "evidence": { "enhanced_evidence": {} },
        "evidence_details": {
            "due_by": dispute.created + 7 * 24 * 60 * 60,
            "enhanced_eligibility": {},
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": false,
        "livemode": false,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": dispute.intent,
        "payment_method_details": null,
        "reason": "fraudulent",
        "status": dispute.status,
    })
}
