//! What Stripe's failures mean to us.
//!
//! Their text is never logged whole, since it may quote a card's token, and never shown: it is for developers.

use ::stripe::{ApiErrors, ApiErrorsType, StripeError};

use crate::domain::Decline;

/// Stripe's answer is not known, or it could not do what was asked: it may have, and it may later.
#[derive(Debug, thiserror::Error)]
#[error("Stripe: {0}")]
pub struct Unclear(String);

/// How a call failed.
#[derive(Debug)]
pub enum Failed {
    /// Whether it took effect is not known; asked again, Stripe says.
    Unclear(Unclear),
    /// Stripe answered that it does not know either, and may give the same answer to this idempotency key for a day.
    Broken(Unclear),
    /// It took no effect, for this reason.
    Refused(Decline),
    /// Its idempotency key was used for another request, so that this one took no effect.
    KeyTaken,
}

impl Failed {
    /// The call's effect is not known, for this reason.
    #[must_use]
    pub fn unclear(reason: impl Into<String>) -> Self {
        Self::Unclear(Unclear(reason.into()))
    }

    /// Stripe's answer to this key says nothing, for this reason.
    #[must_use]
    pub fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(Unclear(reason.into()))
    }

    /// What kind of failure it is, for metrics.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Unclear(_) | Self::Broken(_) => "unclear",
            Self::Refused(_) => "refused",
            Self::KeyTaken => "key_taken",
        }
    }

    /// The failure where a refusal means that something is wrong with us, not with a card.
    pub(super) fn into_unclear(self) -> Unclear {
        match self {
            Self::Unclear(unclear) | Self::Broken(unclear) => unclear,
            Self::Refused(Decline { code }) => Unclear(format!("refused: {code}")),
            Self::KeyTaken => Unclear("the idempotency key was used otherwise".to_owned()),
        }
    }
}

impl From<StripeError> for Failed {
    fn from(error: StripeError) -> Self {
        match error {
            StripeError::Stripe(error, status) => Self::answered(*error, status),
            StripeError::Timeout => Self::unclear("no answer in time"),
            StripeError::JSONDeserialize(_) => Self::unclear("the answer is unreadable"),
            StripeError::ClientError(reason) | StripeError::ConfigError(reason) => {
                Self::unclear(reason)
            }
        }
    }
}

impl Failed {
    fn answered(error: ApiErrors, status: u16) -> Self {
        let code = error
            .decline_code
            .or_else(|| error.code.map(|code| code.to_string()))
            .unwrap_or_else(|| error.type_.as_str().to_owned());
        match (error.type_, status) {
            // Not the request's fault: our key is wrong, another request with this idempotency key is under way, or
            // there are too many.
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
