//! Reading a field that may have any type: what is not of the right one counts as missing.
//!
//! A body whose `price` is a list is not unreadable; its price is wrong, and the answer should say so beside
//! the field. So the fields of request bodies are read with these, and the check that follows names the fault. A field
//! that may be left out is read as [`Optional`], since there what is wrong must not pass for what is missing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::price::PriceInput;

/// A field that may be left out, and must have its type if it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Optional<T> {
    /// It was left out, or is null.
    #[default]
    Absent,
    /// It is of its type.
    Given(T),
    /// It is of another type.
    Wrong,
}

impl<T> Optional<T> {
    /// The value, if there is one; `wrong` if it is of another type.
    pub fn given<E>(self, wrong: E) -> Result<Option<T>, E> {
        match self {
            Self::Absent => Ok(None),
            Self::Given(value) => Ok(Some(value)),
            Self::Wrong => Err(wrong),
        }
    }

    /// Whether it was left out.
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
