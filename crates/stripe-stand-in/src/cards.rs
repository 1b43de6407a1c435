//! Stripe's published test cards and their issuers' verdicts.
//!
//! See <https://docs.stripe.com/testing>. A card is identified by its number, by a token (`tok_visa`) or by a payment
//! method (`pm_card_visa`).

mod published;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::clock::today;
use crate::refusal::Refusal;
use published::PUBLISHED;

/// A card without its number.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) brand: Brand,
    pub(crate) last4: String,
    pub(crate) funding: Funding,
    pub(crate) exp_month: i64,
    pub(crate) exp_year: i64,
    /// Equal for equal numbers.
    pub(crate) fingerprint: String,
    /// The issuer's answer to a charge.
    pub(crate) verdict: Verdict,
}

/// A card network in Stripe's two spellings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brand {
    /// In payment methods: `visa`.
    pub(crate) id: &'static str,
    /// In tokens: `Visa`.
    pub(crate) label: &'static str,
}

/// The funding of a card.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Funding {
    Credit,
    Debit,
    Prepaid,
}

/// An issuer's answer to a charge.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict {
    Approved,
    Declined(&'static Decline),
    /// The buyer must authenticate (3D Secure).
    NeedsAuthentication,
}

/// Why an issuer declines.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the names are Stripe's")]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) decline_code: &'static str,
    pub(crate) message: &'static str,
    /// The invalid part of the card.
    pub(crate) param: Option<&'static str>,
}

impl Card {
    /// The test card with this name, if there is one. A name that begins with `charge` may have the prefix `visa_`:
    /// Stripe has published both spellings.
    pub(crate) fn of_test_name(name: &str) -> Option<Self> {
        let short = name
            .strip_prefix("visa_")
            .filter(|rest| rest.starts_with("charge"))
            .unwrap_or(name);
        let card = PUBLISHED.iter().find(|card| card.name == short)?;
        Some(card.issue(12, today().year + 3))
    }

    /// The card that a buyer entered. Refuses cards that Stripe refuses before it asks the issuer.
    pub(crate) fn typed(
        number: &str,
        exp_month: i64,
        exp_year: i64,
        cvc: Option<&str>,
    ) -> Result<Self, Refusal> {
        let digits: String = number
            .chars()
            .filter(|typed| !matches!(typed, ' ' | '-'))
            .collect();
        check_number(&digits)?;
        check_expiry(exp_month, exp_year)?;
        check_cvc(cvc)?;
        let published = PUBLISHED.iter().find(|card| card.number == digits);
        published
            .map(|card| card.issue(exp_month, exp_year))
            .ok_or_else(|| {
                let message = "Your card was declined. Your request was in test mode, but used a non test card. For \
                               a list of valid test cards, visit: https://stripe.com/docs/testing.";
                Refusal::card("card_declined", message).with("decline_code", "test_mode_live_card")
            })
    }
}

/// A published test card.
struct TestCard {
    /// The name after `tok_` and `pm_card_`.
    name: &'static str,
    number: &'static str,
    funding: Funding,
    verdict: Verdict,
}

impl TestCard {
    fn issue(&self, exp_month: i64, exp_year: i64) -> Card {
        let digest = hex::encode(Sha256::digest(self.number));
        Card {
            brand: Brand::of(self.number),
            last4: self.number[self.number.len() - 4..].to_owned(),
            funding: self.funding,
            exp_month,
            exp_year,
            fingerprint: digest[..16].to_owned(),
            verdict: self.verdict,
        }
    }
}

impl Brand {
    /// The brand by the number's first digits.
    fn of(number: &str) -> Self {
        let (id, label) = match number.as_bytes() {
            [b'4', ..] => ("visa", "Visa"),
            [b'3', b'4' | b'7', ..] => ("amex", "American Express"),
            [b'3', b'5', ..] => ("jcb", "JCB"),
            [b'3', ..] => ("diners", "Diners Club"),
            [b'5', ..] | [b'2', b'2'..=b'7', ..] => ("mastercard", "MasterCard"),
            [b'6', b'2', ..] => ("unionpay", "UnionPay"),
            [b'6', ..] => ("discover", "Discover"),
            _ => ("unknown", "Unknown"),
        };
        Self { id, label }
    }
}

fn check_number(digits: &str) -> Result<(), Refusal> {
    let plausible =
        (12..=19).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !plausible {
        let message = "The card number is not a valid credit card number.";
        return Err(Refusal::card("invalid_number", message).param("number"));
    }
    if !passes_luhn(digits) {
        let message = "Your card number is incorrect.";
        return Err(Refusal::card("incorrect_number", message).param("number"));
    }
    Ok(())
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(digit - b'0') {
            digit if place % 2 == 0 => digit,
            digit if digit > 4 => digit * 2 - 9,
            digit => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn check_expiry(month: i64, year: i64) -> Result<(), Refusal> {
    let today = today();
    let bad_month = || {
        Refusal::card(
            "invalid_expiry_month",
            "Your card's expiration month is invalid.",
        )
        .param("exp_month")
    };
    if !(1..=12).contains(&month) {
        return Err(bad_month());
    }
    if !(today.year..today.year + 50).contains(&year) {
        let message = "Your card's expiration year is invalid.";
        return Err(Refusal::card("invalid_expiry_year", message).param("exp_year"));
    }
    if year == today.year && month < today.month {
        return Err(bad_month());
    }
    Ok(())
}

fn check_cvc(cvc: Option<&str>) -> Result<(), Refusal> {
    let valid = cvc.is_none_or(|cvc| {
        matches!(cvc.len(), 3 | 4) && cvc.bytes().all(|digit| digit.is_ascii_digit())
    });
    if valid {
        return Ok(());
    }
    let message = "Your card's security code is invalid.";
    Err(Refusal::card("invalid_cvc", message).param("cvc"))
}
