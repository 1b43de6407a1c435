//! The shape of every failure over HTTP, and how a request's body becomes a valid input.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success: `{"errors":[{"message":…,"field":…?}]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// What is wrong, at least one thing.
    pub errors: Vec<FieldError>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Said to a person.
    pub message: String,
    /// The field of the body that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub field: Option<String>,
}

impl ErrorBody {
    /// A failure that is about no field.
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
    /// What is wrong with `field`.
    #[must_use]
    pub fn new(field: &str, message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            field: Some(field.to_owned()),
        }
    }
}

/// What a request asks for, once its body was found valid.
pub trait Input: Sized {
    /// The body as JSON has it, every field of which may be missing.
    type Body: DeserializeOwned;

    /// The valid input, or all that is wrong with the body in the order of its fields.
    fn parse(body: Self::Body) -> Result<Self, Vec<FieldError>>;
}

/// Collects what is wrong with a body's fields, in the order in which they are checked.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// The value, or `None` after taking note of what is wrong with `field`.
    pub fn check<T, E: fmt::Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.0.push(FieldError::new(field, error)))
            .ok()
    }

    /// `input` if it could be made, which is so when nothing was wrong.
    pub fn finish<T>(self, input: Option<T>) -> Result<T, Vec<FieldError>> {
        input.ok_or(self.0)
    }
}
