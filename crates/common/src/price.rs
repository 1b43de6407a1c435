//! Prices in US dollars: whole cents in memory, dollars with at most two decimals in JSON.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A price in US cents, above zero and at most [`Price::MAX_CENTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price {
    cents: u32,
}

/// Why a value is not a price. The messages are part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrice {
    /// Zero, negative, or not a number.
    #[error("Price must be greater than 0")]
    NotPositive,
    /// Less than [`Price::MIN_CHARGE_CENTS`].
    #[error("Price must be at least 0.50")]
    BelowMinimum,
    /// A fraction of a cent.
    #[error("Price must have at most two decimals")]
    FractionOfACent,
    /// More than [`Price::MAX_CENTS`].
    #[error("Price must be at most 999999.99")]
    TooHigh,
}

impl Price {
    /// The largest amount that Stripe charges, in cents
    /// (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>).
    pub const MAX_CENTS: u32 = 99_999_999;

    /// The smallest amount in US dollars that Stripe charges, in cents (same page). Earlier releases accepted lower
    /// prices, so they exist, but new ones are refused: see [`Price::chargeable`].
    pub const MIN_CHARGE_CENTS: u32 = 50;

    /// The price with this amount of cents.
    pub fn from_cents(cents: i64) -> Result<Self, InvalidPrice> {
        if cents <= 0 {
            return Err(InvalidPrice::NotPositive);
        }
        match u32::try_from(cents) {
            Ok(cents) if cents <= Self::MAX_CENTS => Ok(Self { cents }),
            _ => Err(InvalidPrice::TooHigh),
        }
    }

    /// The price with this amount of dollars.
    ///
    /// The number must be the closest one to a whole amount of cents: 19.99 is 1999 cents, although binary fractions
    /// only approximate it.
    pub fn from_dollars(dollars: f64) -> Result<Self, InvalidPrice> {
        if !(dollars > 0.0 && dollars.is_finite()) {
            return Err(InvalidPrice::NotPositive);
        }
        if dollars >= 1e9 {
            return Err(InvalidPrice::TooHigh);
        }
        let cents = (dollars * 100.0).round();
        // `Price::dollars` computes the number for these cents in the same way.
        #[expect(clippy::float_cmp, reason = "only the exact number is valid")]
        if cents / 100.0 != dollars {
            return Err(InvalidPrice::FractionOfACent);
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole, and at most 1e11")]
        Self::from_cents(cents as i64)
    }

    /// Checks that Stripe can charge the price.
    pub const fn chargeable(self) -> Result<Self, InvalidPrice> {
        if self.cents < Self::MIN_CHARGE_CENTS {
            Err(InvalidPrice::BelowMinimum)
        } else {
            Ok(self)
        }
    }

    /// The price in cents.
    #[must_use]
    pub const fn cents(self) -> i64 {
        self.cents as i64
    }

    /// The price in dollars, as the closest floating-point number.
    #[must_use]
    pub fn dollars(self) -> f64 {
        f64::from(self.cents) / 100.0
    }
}

/// Reads a decimal amount of dollars (`20`, `20.00`, `.5`), without sign, exponent or thousands separators.
impl FromStr for Price {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, InvalidPrice> {
        let (dollars, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_empty = dollars.is_empty() && fraction.is_empty();
        if is_empty || !is_digits(dollars) || !is_digits(fraction) {
            return Err(InvalidPrice::NotPositive);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 2 {
            return Err(InvalidPrice::FractionOfACent);
        }
        let cents = format!("{dollars}{fraction:0<2}");
        // Only too many digits make this fail.
        Self::from_cents(cents.parse().map_err(|_| InvalidPrice::TooHigh)?)
    }
}

/// An unvalidated price in a request: a number of dollars, or a decimal in a string, as the form of the reference
/// client sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PriceInput {
    /// A JSON number.
    Number(f64),
    /// A JSON string, which [`Price::from_str`] parses.
    Text(String),
}

impl PriceInput {
    /// Validates the price.
    pub fn price(&self) -> Result<Price, InvalidPrice> {
        match self {
            Self::Number(dollars) => Price::from_dollars(*dollars),
            Self::Text(text) => text.parse(),
        }
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
