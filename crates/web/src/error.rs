//! Errors as HTTP responses, all in the contract's shape.

use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use common::{ErrorBody, FieldError};
use messaging::WriteError;
use mongo::StoreError;

/// The errors with which a request can end.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 400: the current state forbids the request.
    #[error("{0}")]
    BadRequest(String),
    /// 400: the request cannot be read.
    #[error("{0}")]
    Unreadable(&'static str),
    /// 400: fields of the input are invalid.
    #[error("invalid input")]
    Invalid(Vec<FieldError>),
    /// 401: not signed in, or not the owner.
    #[error("Not authorized")]
    NotAuthorized,
    /// 404: no such route or entity.
    #[error("Not Found")]
    NotFound,
    /// 408: the body did not arrive in time.
    #[error("Request body did not arrive in time")]
    BodyTooSlow,
    /// 409: a request with the same `Idempotency-Key` is being executed.
    #[error("A request with this Idempotency-Key is in progress, try again later")]
    InProgress(Retry),
    /// 413: the body is larger than [`BODY_LIMIT`](super::BODY_LIMIT).
    #[error("Request body is too large")]
    BodyTooLarge,
    /// 429: too many requests of this client.
    #[error("Too many requests, try again later")]
    TooManyRequests(Retry),
    /// 503: too many requests for the service's capacity. Not logged here: the code that refuses logs a summary.
    #[error("Service is temporarily unavailable")]
    Overloaded,
    /// 503: a dependency is unavailable.
    #[error("Service is temporarily unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// 500: an internal error.
    #[error("Something went wrong")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// When to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How long to wait; sent in whole seconds, rounded up.
    pub after: Duration,
}

impl Retry {
    fn header(self) -> HeaderValue {
        let rest = u64::from(self.after.subsec_nanos() > 0);
        HeaderValue::from(self.after.as_secs().saturating_add(rest).max(1))
    }
}

/// Marks the response to a request that failed its validation: the endpoint did not execute it.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotExecuted;

/// When to retry after a 503.
const UNAVAILABLE_RETRY: Retry = Retry {
    after: Duration::from_secs(1),
};

impl ApiError {
    /// A request that the current state forbids, with a message for people.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::BadRequest(message.into())
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::Unreadable(_) | Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NotAuthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::InProgress(_) => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn retry(&self) -> Option<Retry> {
        match self {
            Self::TooManyRequests(retry) | Self::InProgress(retry) => Some(*retry),
            Self::Overloaded | Self::Unavailable(_) => Some(UNAVAILABLE_RETRY),
            _ => None,
        }
    }

    fn log(&self) {
        match self {
            Self::Internal(source) => {
                tracing::error!(error = %chain(source.as_ref()), "request failed");
            }
            Self::Unavailable(source) => {
                tracing::warn!(error = %chain(source.as_ref()), "dependency unavailable");
            }
            _ => {}
        }
    }
}

/// An error and what caused it, on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let (status, retry) = (self.status(), self.retry());
        let is_unexecuted = matches!(self, Self::Invalid(_) | Self::Unreadable(_));
        let body = match self {
            Self::Invalid(errors) => ErrorBody { errors },
            other => ErrorBody::message(other.to_string()),
        };
        let mut response = (status, Json(body)).into_response();
        if is_unexecuted {
            response.extensions_mut().insert(NotExecuted);
        }
        if let Some(retry) = retry {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, retry.header());
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Store(error) => error.into(),
            // Callers that expect a duplicate handle it first. Otherwise a fresh id exists already: an internal error.
            WriteError::Duplicate => Self::Internal(error.into()),
        }
    }
}
