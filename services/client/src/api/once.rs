//! The one-time token of a form that creates something, which the API takes as `Idempotency-Key`: sent twice, as by a double
//! click, the form creates one thing.

use std::time::Duration;

use axum::http::HeaderValue;
use serde::Deserialize;

/// How long the first of two is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// How soon to ask for its result again.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// The name of the hidden field.
pub(crate) const FIELD: &str = "once";

/// A form's token as it was sent; empty if the form had none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Once(String);

impl Once {
    /// The token of a form that is rendered now.
    pub(crate) fn fresh() -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    pub(super) fn key(&self) -> Option<HeaderValue> {
        let is_given = !self.0.is_empty();
        is_given.then(|| HeaderValue::from_str(&self.0).ok())?
    }
}
