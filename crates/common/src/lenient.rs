//! Reading a field that may have any type: what is not of the right one counts as missing.
//!
//! A body whose `price` is a string is not unreadable; its price is wrong, and the answer should say so beside
//! the field. So the fields of request bodies are read with these, and the check that follows names the fault.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A string, or `None` for anything else.
pub fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// A number, or `None` for anything else.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_f64())
}

/// A whole number that is not negative, or `None` for anything else.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_u64())
}
