//! Lenient deserialization of request bodies: a field with the wrong type counts as missing.
//!
//! If `price` is a list, the response should name that field rather than call the whole body unreadable. So these
//! functions accept any JSON value, and the validation that follows reports the field. A field that may be omitted is
//! an [`Optional`], which distinguishes a wrong type from a missing field.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::price::PriceInput;

/// A field that may be omitted, but must not have the wrong type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Optional<T> {
    /// The field is missing or null.
    #[default]
    Absent,
    /// The field has a value of the right type.
    Given(T),
    /// The field has the wrong type.
    Wrong,
}

impl<T> Optional<T> {
    /// The value, if there is one. Fails with `wrong` if it has the wrong type.
    pub fn given<E>(self, wrong: E) -> Result<Option<T>, E> {
        match self {
            Self::Absent => Ok(None),
            Self::Given(value) => Ok(Some(value)),
            Self::Wrong => Err(wrong),
        }
    }

    /// Whether the field is missing or null.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T> From<Option<T>> for Optional<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Given)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Optional<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Self::Absent,
            value => T::deserialize(value).map_or(Self::Wrong, Self::Given),
        })
    }
}

impl<T: Serialize> Serialize for Optional<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(value) => serializer.serialize_some(value),
            Self::Absent | Self::Wrong => serializer.serialize_none(),
        }
    }
}

/// Reads a string; `None` for anything else.
pub fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// Reads a price as a number or a string; `None` for anything else.
pub fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PriceInput>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64().map(PriceInput::Number),
        Value::String(text) => Some(PriceInput::Text(text)),
        _ => None,
    })
}
