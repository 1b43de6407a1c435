//! Maps the errors of the domain and the store to HTTP responses.

use common::FieldError;
use web::ApiError;

use crate::domain::{CancelError, PriceChanged};
use crate::store::PlaceError;

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

impl From<PriceChanged> for ApiError {
    fn from(error: PriceChanged) -> Self {
        Self::Invalid(vec![FieldError::new("price", error)])
    }
}
