//! The payment of an order.

use super::http;
use super::json::{Json, quoted};

/// The API's refusal of a second payment of an order. It charges nothing.
const ALREADY_PAID: &str = "Order is already paid";

const UNCLEAR: &str =
    "We could not confirm your payment. Please try again: you are never charged twice.";

/// Pays with the token of a card. An error is a message for the shopper.
pub(super) async fn pay(token: &str, order: &str) -> Result<(), String> {
    let (token, order) = (quoted(token), quoted(order));
    let payment = ["{\"token\":", &token, ",\"orderId\":", &order, "}"].concat();
    let Some(answer) = http::post("/api/payments", &payment).await else {
        return Err(UNCLEAR.to_owned());
    };
    if answer.status == 201 {
        return Ok(());
    }
    match reason(&answer.text) {
        Some(reason) if reason == ALREADY_PAID => Ok(()),
        Some(reason) if answer.status < 500 => Err(reason),
        _ => Err(UNCLEAR.to_owned()),
    }
}

/// The first message of a refusal.
fn reason(refusal: &str) -> Option<String> {
    let errors = Json::parse(refusal)?.get("errors")?;
    errors.get("0")?.text("message")
}
