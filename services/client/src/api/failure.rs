//! Failures of calls to the API.

use axum::http::StatusCode;
use common::FieldError;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The API refused the request: a 4xx with its reasons.
    #[error("refused ({status})")]
    Refused {
        status: StatusCode,
        errors: Vec<FieldError>,
    },
    /// The API was not reachable, too slow, answered 5xx, or broke the contract.
    #[error("{0}")]
    Unavailable(String),
}

impl Failure {
    /// Whether the API refused with this status.
    pub(crate) fn is(&self, expected: StatusCode) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == expected)
    }

    /// Whether an earlier request with the same key is still in progress.
    pub(crate) fn is_in_progress(&self) -> bool {
        self.is(StatusCode::CONFLICT)
    }

    /// Whether the visitor is not signed in or not the owner.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.is(StatusCode::UNAUTHORIZED)
    }
}
