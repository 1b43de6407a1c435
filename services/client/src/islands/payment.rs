//! Paying an order, and what came of it.

use super::http;
use super::json::{Json, quoted};

/// What the shop says of a second payment of the same order, which charges nothing.
const PAID_BEFORE: &str = "Order is already paid";

const UNCLEAR: &str =
    "We could not reach the till. Please try again: an order is never charged twice.";

/// Pays with a card's token; the reason in words if that did not work.
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
        Some(reason) if reason == PAID_BEFORE => Ok(()),
        Some(reason) if answer.status < 500 => Err(reason),
        _ => Err(UNCLEAR.to_owned()),
    }
}

/// The first reason of a refusal in the contract's shape.
fn reason(refusal: &str) -> Option<String> {
    let errors = Json::parse(refusal)?.get("errors")?;
    errors.get("0")?.text("message")
}
