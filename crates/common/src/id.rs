//! Identifiers of twelve bytes, written as 24 hex digits and typed by what they identify.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::parsed::parsed;

/// The length of a written id.
const DIGITS: usize = 24;

/// The kinds of things that an [`Id`] identifies.
pub mod kind {
    /// A user with an account.
    #[derive(Debug)]
    pub enum User {}
    /// A ticket.
    #[derive(Debug)]
    pub enum Ticket {}
    /// An order.
    #[derive(Debug)]
    pub enum Order {}
    /// A payment.
    #[derive(Debug)]
    pub enum Payment {}
    /// Nothing: a random value that makes something else unique.
    #[derive(Debug)]
    pub enum Nonce {}
}

/// The identifier of a `K`. An order's id cannot be used as a ticket's.
///
/// It is written in lower case; upper case is accepted too.
pub struct Id<K> {
    bytes: [u8; 12],
    kind: PhantomData<fn() -> K>,
}

/// The text is not 24 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 24 hex digits")]
pub struct InvalidId;

impl<K> Id<K> {
    /// The id with these twelve bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self {
            bytes,
            kind: PhantomData,
        }
    }

    /// The twelve bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 12] {
        self.bytes
    }

    /// Writes the text to `digits` and returns it.
    fn text(self, digits: &mut [u8; DIGITS]) -> &str {
        hex::encode_to_slice(self.bytes, digits).expect("a byte has two digits");
        str::from_utf8(digits).expect("digits are ASCII")
    }
}

impl<K> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 12];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId)?;
        Ok(Self::from_bytes(bytes))
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; DIGITS]))
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// Written by hand because a derive would require the same of `K`, which is only a marker.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text(&mut [0; DIGITS]))
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}
