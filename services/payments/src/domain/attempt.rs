//! Attempts to charge a card.

use std::fmt;

use super::decline::Decline;

/// One attempt to charge one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from one. Together with the payment's id it makes the idempotency key at Stripe.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The request was sent to Stripe, or is about to be, and its result is unknown. The card's token is stored until
    /// then, so that the identical request can be repeated.
    Pending(CardToken),
    /// The card was not charged.
    Declined(Decline),
    /// The attempt charged nothing and never will.
    Withdrawn,
    /// The card was charged.
    Succeeded,
}

/// A card's token. `Debug` does not print it: anyone who has it can charge the card once.
#[derive(Clone, PartialEq, Eq)]
pub struct CardToken(String);

impl Attempt {
    pub(super) const fn pending(number: u32, card: CardToken) -> Self {
        Self {
            number,
            outcome: Outcome::Pending(card),
        }
    }
}

impl CardToken {
    /// A token that Stripe made for a card.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for Stripe and for the database.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardToken(…)")
    }
}
