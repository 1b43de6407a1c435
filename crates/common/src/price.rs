//! Money: US dollars with at most two decimals on the wire, whole cents inside.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A price in US cents, above zero and at most [`Price::MAX_CENTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price {
    cents: u32,
}

/// Why a number is no price. The messages are part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrice {
    /// Zero, negative, or no number at all.
    #[error("Price must be greater than 0")]
    NotPositive,
    /// A fraction of a cent.
    #[error("Price must have at most two decimals")]
    FractionOfACent,
    /// More than [`Price::MAX_CENTS`].
    #[error("Price must be at most 999999.99")]
    TooHigh,
}

impl Price {
    /// The most that Stripe charges at once, in cents (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>).
    pub const MAX_CENTS: u32 = 99_999_999;

    /// The price of so many cents.
    pub fn from_cents(cents: i64) -> Result<Self, InvalidPrice> {
        if cents <= 0 {
            return Err(InvalidPrice::NotPositive);
        }
        match u32::try_from(cents) {
            Ok(cents) if cents <= Self::MAX_CENTS => Ok(Self { cents }),
            _ => Err(InvalidPrice::TooHigh),
        }
    }

    /// The price of so many dollars, exact to the cent.
    ///
    /// A number is as many cents as it is the nearest one to, so that 19.99 is 1999 cents although no binary fraction is.
    pub fn from_dollars(dollars: f64) -> Result<Self, InvalidPrice> {
        if !(dollars > 0.0 && dollars.is_finite()) {
            return Err(InvalidPrice::NotPositive);
        }
        if dollars >= 1e9 {
            return Err(InvalidPrice::TooHigh);
        }
        let cents = (dollars * 100.0).round();
        // As `Price::dollars` does, which gives the nearest number to so many cents.
        #[expect(clippy::float_cmp, reason = "it is that number or another one")]
        if cents / 100.0 != dollars {
            return Err(InvalidPrice::FractionOfACent);
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole, and at most 1e11")]
        Self::from_cents(cents as i64)
    }

    /// The price in cents.
    #[must_use]
    pub const fn cents(self) -> i64 {
        self.cents as i64
    }

    /// The price in dollars, the nearest number to it.
    #[must_use]
    pub fn dollars(self) -> f64 {
        f64::from(self.cents) / 100.0
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}.{:02}", self.cents / 100, self.cents % 100)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.cents.is_multiple_of(100) {
            serializer.serialize_u32(self.cents / 100)
        } else {
            serializer.serialize_f64(self.dollars())
        }
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_dollars(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
