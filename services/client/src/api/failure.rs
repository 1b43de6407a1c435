//! Why the API did not do what it was asked.

use axum::http::StatusCode;
use common::FieldError;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The API understood, and said no: a 4xx with its reasons.
    #[error("refused ({status})")]
    Refused {
        status: StatusCode,
        errors: Vec<FieldError>,
    },
    /// It was not reached, did not answer in time, answered 5xx, or something that is not its contract.
    #[error("{0}")]
    Unavailable(String),
}

impl Failure {
    /// Whether it refused with this status.
    pub(crate) fn is(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }

    /// Whether the same form was sent before and is being worked on.
    pub(crate) fn is_in_progress(&self) -> bool {
        self.is(StatusCode::CONFLICT)
    }

    /// Whether nobody is signed in, or not the owner.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.is(StatusCode::UNAUTHORIZED)
    }
}
