//! Maps the errors of the domain to HTTP responses.

use web::ApiError;

use crate::domain::{EditError, WithdrawError};

impl From<EditError> for ApiError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotTheSeller => Self::NotAuthorized,
            EditError::Reserved | EditError::Stale => Self::bad_request(error.to_string()),
        }
    }
}

impl From<WithdrawError> for ApiError {
    fn from(error: WithdrawError) -> Self {
        match error {
            WithdrawError::NotTheSeller => Self::NotAuthorized,
            WithdrawError::Reserved => Self::bad_request(error.to_string()),
        }
    }
}
