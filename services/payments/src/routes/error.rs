//! The HTTP status of each failure.

use web::ApiError;

use crate::domain::PayRefusal;
use crate::settlement::{PayFailure, ReversalFailure};
use crate::stripe::WebhookRefusal;

impl From<PayRefusal> for ApiError {
    fn from(refusal: PayRefusal) -> Self {
        match refusal {
            PayRefusal::NotTheBuyer => Self::NotAuthorized,
            PayRefusal::Cancelled | PayRefusal::AlreadyPaid | PayRefusal::Declined(_) => {
                Self::bad_request(refusal.to_string())
            }
        }
    }
}

impl From<PayFailure> for ApiError {
    fn from(failure: PayFailure) -> Self {
        match failure {
            PayFailure::Refused(refusal) => refusal.into(),
            PayFailure::Busy => Self::Overloaded,
            PayFailure::Unclear => Self::Unavailable(failure.into()),
            PayFailure::Store(error) => error.into(),
            PayFailure::Panicked(_) => Self::Internal(failure.into()),
        }
    }
}

impl From<ReversalFailure> for ApiError {
    fn from(failure: ReversalFailure) -> Self {
        match failure {
            ReversalFailure::Unclear(_) => Self::Unavailable(failure.into()),
            ReversalFailure::Store(error) => error.into(),
        }
    }
}

impl From<WebhookRefusal> for ApiError {
    fn from(refusal: WebhookRefusal) -> Self {
        Self::bad_request(refusal.to_string())
    }
}
