//! Paying an order, and what came of it.

use serde::{Deserialize, Serialize};

use super::http;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payment<'a> {
    token: &'a str,
    order_id: &'a str,
}

#[derive(Deserialize)]
struct Refusal {
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    message: String,
}

/// What the shop says of a second payment of the same order, which charges nothing.
const PAID_BEFORE: &str = "Order is already paid";

const UNCLEAR: &str =
    "We could not reach the till. Please try again: an order is never charged twice.";

/// Pays with a card's token; the reason in words if that did not work.
pub(super) async fn pay(token: &str, order: &str) -> Result<(), String> {
    let payment = Payment {
        token,
        order_id: order,
    };
    let body = serde_json::to_string(&payment).map_err(|_| UNCLEAR.to_owned())?;
    let answer = http::post("/api/payments", &body).await;
    let Some(answer) = answer else {
        return Err(UNCLEAR.to_owned());
    };
    if answer.status == 201 {
        return Ok(());
    }
    let refusal: Option<Refusal> = serde_json::from_str(&answer.text).ok();
    let reason = refusal.and_then(|refusal| refusal.errors.into_iter().next());
    match reason {
        Some(reason) if reason.message == PAID_BEFORE => Ok(()),
        Some(reason) if answer.status < 500 => Err(reason.message),
        _ => Err(UNCLEAR.to_owned()),
    }
}
