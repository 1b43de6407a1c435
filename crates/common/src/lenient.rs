//! Reading a field that may have any type: what is not of the right one counts as missing.
//!
//! A body whose `price` is a list is not unreadable; its price is wrong, and the answer should say so beside
//! the field. So the fields of request bodies are read with these, and the check that follows names the fault.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::price::PriceInput;

/// A string, or `None` for anything else.
pub fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// A price, as a number or as a string, or `None` for anything else.
pub fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PriceInput>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64().map(PriceInput::Number),
        Value::String(text) => Some(PriceInput::Text(text)),
        _ => None,
    })
}

/// A whole number that is not negative, or `None` for anything else.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_u64())
}
