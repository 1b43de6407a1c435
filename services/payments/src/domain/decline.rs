//! Why a card was not charged, and what the buyer reads about it.
//!
//! Stripe's own messages are written for developers and change without notice, so no shopper ever sees one. The code
//! decides: what the buyer can do about it is said, and what only Stripe or a bank should know (a stolen card, a
//! suspicion of fraud) reads like any other decline, as <https://docs.stripe.com/declines/codes> asks for.

/// Why a card was not charged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct Decline {
    /// Stripe's code for the reason, such as `insufficient_funds`.
    pub code: String,
}

impl Decline {
    /// A decline for this reason.
    pub fn new(code: impl Into<String>) -> Self {
        Self { code: code.into() }
    }

    /// What the buyer reads.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self.code.as_str() {
            "insufficient_funds" | "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
                "The money on this card does not reach for this ticket. Please use another card."
            }
            "expired_card" | "invalid_expiry_month" | "invalid_expiry_year" => {
                "This card is out of date. Please check its expiry date or use another card."
            }
            "incorrect_cvc" | "invalid_cvc" => {
                "The security code does not match this card. Please check it and try again."
            }
            "incorrect_number" | "invalid_number" | "invalid_account" => {
                "That card number does not exist. Please check it and try again."
            }
            "incorrect_address" | "incorrect_zip" => {
                "The address does not match this card. Please check it and try again."
            }
            "authentication_required"
            | "authentication_not_handled"
            | "mobile_device_authentication_required"
            | "incorrect_pin"
            | "invalid_pin"
            | "offline_pin_required"
            | "online_or_offline_pin_required" => {
                "Your bank asks for a confirmation that this shop cannot show yet. Please use another card."
            }
            "approve_with_id"
            | "issuer_not_available"
            | "processing_error"
            | "reenter_transaction"
            | "try_again_later" => {
                "Your bank could not be reached. Nothing was charged; please try again in a moment."
            }
            "resource_missing" | "token_already_used" | "token_in_use" => {
                "Nothing was charged. Please enter your card once more."
            }
            "amount_too_small" => "This price is too low to be paid by card.",
            "amount_too_large" | "invalid_amount" => "This price is too high to be paid by card.",
            "card_not_supported"
            | "currency_not_supported"
            | "not_permitted"
            | "service_not_allowed"
            | "testmode_decline"
            | "transaction_not_allowed" => {
                "This kind of card is not accepted here. Please use another card."
            }
            _ => "Your bank declined this card. Nothing was charged; please use another card.",
        }
    }
}
