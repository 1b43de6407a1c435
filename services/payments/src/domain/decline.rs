//! Why a card was not charged, and what the buyer reads about it.
//!
//! Stripe's own messages are written for developers and change without notice, so shoppers never see them. The code
//! selects one of our messages, which says what the buyer can do. Reasons that only Stripe and the bank should know (a
//! stolen card, suspected fraud) share one message, as <https://docs.stripe.com/declines/codes> asks.

/// Why a card was not charged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct Decline {
    code: String,
}

impl Decline {
    /// A decline with Stripe's code for the reason, such as `insufficient_funds`.
    pub fn new(code: impl Into<String>) -> Self {
        Self { code: code.into() }
    }

    /// Stripe's code for the reason.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message to the buyer.
    #[must_use]
    pub fn message(&self) -> &'static str {
        match self.code.as_str() {
            "insufficient_funds" | "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
                "There is not enough money available on this card. Please use another card."
            }
            "expired_card" | "invalid_expiry_month" | "invalid_expiry_year" => {
                "This card has expired, or its expiry date is wrong. Please check the date or use another card."
            }
            "incorrect_cvc" | "invalid_cvc" => {
                "The security code does not match this card. Please check it and try again."
            }
            "incorrect_number" | "invalid_number" | "invalid_account" => {
                "This card number does not look right. Please check it and try again."
            }
            "incorrect_address" | "incorrect_zip" => {
                "Your bank could not confirm your address for this card. Please use another card."
            }
            "authentication_required"
            | "authentication_not_handled"
            | "mobile_device_authentication_required"
            | "incorrect_pin"
            | "invalid_pin"
            | "offline_pin_required"
            | "online_or_offline_pin_required" => {
                "Your bank wants you to confirm this payment, and we cannot offer that yet. Please use another card."
            }
            "approve_with_id"
            | "issuer_not_available"
            | "processing_error"
            | "reenter_transaction"
            | "try_again_later" => {
                "We could not reach your bank. Nothing was charged; please try again in a moment."
            }
            "resource_missing" | "token_already_used" | "token_in_use" => {
                "That did not work. Nothing was charged; please enter your card again."
            }
            "amount_too_small" => "Sorry, this price is too low to be paid by card.",
            "amount_too_large" | "invalid_amount" => {
                "Sorry, this price is too high to be paid by card."
            }
            "card_not_supported"
            | "currency_not_supported"
            | "not_permitted"
            | "service_not_allowed"
            | "testmode_decline"
            | "transaction_not_allowed" => {
                "Sorry, we do not accept this kind of card. Please use another card."
            }
            _ => "Your bank declined this card. Nothing was charged; please use another card.",
        }
    }
}
