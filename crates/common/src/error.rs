//! Error responses, and the validation of request bodies.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The body of every error response: `{"errors":[{"message":…,"field":…?}]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// The errors, at least one.
    pub errors: Vec<FieldError>,
}

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The message for people.
    pub message: String,
    /// The field of the request that is invalid, if the error concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub field: Option<String>,
}

impl ErrorBody {
    /// An error that concerns no field.
    #[must_use]
    pub fn message(message: impl Into<String>) -> Self {
        Self {
            errors: vec![FieldError {
                message: message.into(),
                field: None,
            }],
        }
    }
}

impl FieldError {
    /// An error that concerns `field`.
    #[must_use]
    pub fn new(field: &str, message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            field: Some(field.to_owned()),
        }
    }
}

/// A validated request.
pub trait Input: Sized {
    /// The unvalidated body, any field of which may be missing.
    type Body: DeserializeOwned;

    /// Validates the body. Fails with all errors, in the order of the fields.
    fn parse(body: Self::Body) -> Result<Self, Vec<FieldError>>;
}

/// Collects the errors of a body's fields, in the order of the checks.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// Returns the value, or records the error of `field` and returns `None`.
    pub fn check<T, E: fmt::Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.0.push(FieldError::new(field, error)))
            .ok()
    }

    /// Returns the input if every check succeeded, else the recorded errors.
    pub fn finish<T>(self, input: Option<T>) -> Result<T, Vec<FieldError>> {
        input.ok_or(self.0)
    }
}
