//! Money: US dollars with at most two decimals on the wire, whole cents inside.

use std::fmt;
use std::str::FromStr;

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
    /// The most that Stripe charges at once, in cents (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>).
    pub const MAX_CENTS: u32 = 99_999_999;

    /// The least that Stripe charges in US dollars, in cents (same page). A price may be lower, because earlier releases
    /// accepted it, but no new price is: see [`Price::chargeable`].
    pub const MIN_CHARGE_CENTS: u32 = 50;

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

    /// The price, if Stripe charges as little as that.
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

    /// The price in dollars, the nearest number to it.
    #[must_use]
    pub fn dollars(self) -> f64 {
        f64::from(self.cents) / 100.0
    }
}

/// Reads a decimal number of dollars (`20`, `20.00`, `.5`), without a sign, an exponent or separators of thousands.
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
        // Digits alone fail to parse only if there are too many.
        Self::from_cents(cents.parse().map_err(|_| InvalidPrice::TooHigh)?)
    }
}

/// A price as a request has it: a number of dollars, or a decimal in a string, which the original's form sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PriceInput {
    /// A JSON number.
    Number(f64),
    /// A JSON string, read as [`Price::from_str`] does.
    Text(String),
}

impl PriceInput {
    /// The price that it says, exact to the cent.
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
