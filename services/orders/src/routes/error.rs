//! What the domain's refusals are over HTTP.

use service::ApiError;

use crate::domain::CancelError;
use crate::store::{PlaceError, Raced};

impl From<CancelError> for ApiError {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotTheBuyer => Self::NotAuthorized,
            CancelError::Complete => Self::bad_request(error.to_string()),
        }
    }
}

impl From<PlaceError> for ApiError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Reserved => Self::bad_request(error.to_string()),
            PlaceError::Store(error) => error.into(),
        }
    }
}

impl From<Raced> for ApiError {
    fn from(error: Raced) -> Self {
        Self::Unavailable(error.into())
    }
}
