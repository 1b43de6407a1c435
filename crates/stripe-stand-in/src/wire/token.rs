//! See <https://docs.stripe.com/api/tokens/object>.

use serde_json::{Value, json};

use crate::books::Token;

/// A token.
pub(crate) fn token(token: &Token) -> Value {
    let card = &token.card;
    json!({
        "id": token.id,
        "object": "token",
        "card": {
            "id": token.card_id,
            "object": "card",
            "address_city": null,
            "address_country": null,
            "address_line1": null,
            "address_line1_check": null,
            "address_line2": null,
            "address_state": null,
            "address_zip": null,
            "address_zip_check": null,
            "allow_redisplay": "unspecified",
            "brand": card.brand.label,
            "country": "US",
            "cvc_check": token.cvc_given.then_some("unchecked"),
            "dynamic_last4": null,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "last4": card.last4,
            "metadata": {},
            "name": null,
            "networks": { "preferred": null },
            "regulated_status": "unregulated",
            "tokenization_method": null,
            "wallet": null,
        },
        "client_ip": "127.0.0.1",
        "created": token.created,
        "livemode": false,
        "type": "card",
        "used": token.used,
    })
}
