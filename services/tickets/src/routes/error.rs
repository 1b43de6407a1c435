//! What the domain's refusals are over HTTP.

use service::ApiError;

use crate::domain::EditError;

impl From<EditError> for ApiError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotTheSeller => Self::NotAuthorized,
            EditError::Reserved | EditError::Stale => Self::bad_request(error.to_string()),
        }
    }
}
