//! The meaning of Stripe's errors for a payment.
//!
//! Their messages are never logged in full, because they may quote a card's token, and never shown to shoppers, because
//! they are written for developers.

use ::stripe::{ApiErrors, ApiErrorsType, StripeError};

use crate::domain::Decline;

/// The effect of a call is unknown: it may have happened, and it may still happen.
#[derive(Debug, thiserror::Error)]
#[error("Stripe: {0}")]
pub struct Unclear(String);

/// How a call failed.
#[derive(Debug)]
pub enum Failed {
    /// The effect is unknown. Repeating the call finds it out.
    Unclear(Unclear),
    /// Stripe failed. The effect is unknown, and repeating the call may return the same failure for a day.
    Broken(Unclear),
    /// The call had no effect, for this reason.
    Refused(Decline),
    /// The idempotency key was used for another request, so the call had no effect.
    KeyTaken,
}

impl Failed {
    /// A failure after which the call's effect is unknown, and can be found out by repeating the call.
    #[must_use]
    pub fn unclear(reason: impl Into<String>) -> Self {
        Self::Unclear(Unclear(reason.into()))
    }

    /// A failure that Stripe may have stored under the idempotency key.
    #[must_use]
    pub fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(Unclear(reason.into()))
    }

    /// The kind of failure, as a metric's label.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Unclear(_) | Self::Broken(_) => "unclear",
            Self::Refused(_) => "refused",
            Self::KeyTaken => "key_taken",
        }
    }

    /// Treats a refusal as unclear, for calls that Stripe refuses only if we made a mistake.
    pub(super) fn into_unclear(self) -> Unclear {
        match self {
            Self::Unclear(unclear) | Self::Broken(unclear) => unclear,
            Self::Refused(decline) => Unclear(format!("refused: {}", decline.code())),
            Self::KeyTaken => {
                Unclear("the idempotency key was used for another request".to_owned())
            }
        }
    }
}

impl From<StripeError> for Failed {
    fn from(error: StripeError) -> Self {
        match error {
            StripeError::Stripe(error, status) => Self::from_answer(*error, status),
            StripeError::Timeout => Self::unclear("no answer in time"),
            StripeError::JSONDeserialize(_) => Self::unclear("the answer is unreadable"),
            StripeError::ClientError(reason) | StripeError::ConfigError(reason) => {
                Self::unclear(reason)
            }
        }
    }
}

impl Failed {
    fn from_answer(error: ApiErrors, status: u16) -> Self {
        let code = error
            .decline_code
            .or_else(|| error.code.map(|code| code.to_string()))
            .unwrap_or_else(|| error.type_.as_str().to_owned());
        match (error.type_, status) {
            // Not the request's fault: our key is wrong, a request with the same idempotency key is in progress, or
            // there are too many requests.
            (_, 401 | 403 | 409 | 429) => Self::unclear(format!("answered {status}: {code}")),
            (_, 500..) => Self::broken(format!("answered {status}: {code}")),
            (ApiErrorsType::IdempotencyError, _) => Self::KeyTaken,
            (ApiErrorsType::CardError | ApiErrorsType::InvalidRequestError, 400..) => {
                tracing::info!(
                    stripe.status = status,
                    stripe.code = code,
                    stripe.param = error.param,
                    "Stripe refused"
                );
                Self::Refused(Decline::new(code))
            }
            _ => Self::unclear(format!("answered {status}: {code}")),
        }
    }
}
