//! The HTTP responses of the service's errors.

use web::{ApiError, Retry};

use crate::accounts::{SignInError, SignUpError};
use crate::domain::InvalidToken;
use crate::magic_links::{FollowError, SendError};
use crate::passwords::Overloaded;
use crate::rate_limit::TooManyAttempts;
use crate::store::InsertError;

impl From<SignUpError> for ApiError {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Overloaded(error) => error.into(),
            SignUpError::Insert(error) => error.into(),
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Invalid(invalid) => Self::bad_request(invalid.to_string()),
            SignInError::Overloaded(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<InvalidToken> for ApiError {
    fn from(error: InvalidToken) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<InsertError> for ApiError {
    fn from(error: InsertError) -> Self {
        match error {
            InsertError::EmailInUse(taken) => Self::bad_request(taken.to_string()),
            InsertError::Store(error) => error.into(),
        }
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Mail(full) => Self::Unavailable(full.into()),
            SendError::Store(error) => error.into(),
        }
    }
}

impl From<FollowError> for ApiError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Invalid(invalid) => invalid.into(),
            FollowError::Store(error) => error.into(),
        }
    }
}

impl From<Overloaded> for ApiError {
    fn from(error: Overloaded) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<TooManyAttempts> for ApiError {
    fn from(error: TooManyAttempts) -> Self {
        Self::TooManyRequests(Retry {
            after: error.retry_after,
        })
    }
}
