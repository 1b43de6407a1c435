//! The one-time token of a form that creates something. The API receives it as `Idempotency-Key`, so that a form that
//! is sent twice, as by a double click, creates one thing.

use std::time::Duration;

use axum::http::HeaderValue;
use serde::Deserialize;

/// How long the second request waits for the first.
pub(super) const RETRY_TIMEOUT: Duration = Duration::from_secs(8);

pub(super) const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The token that a form was sent with; empty if it had none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct FormToken(String);

impl FormToken {
    /// The name of the hidden field.
    pub(crate) const FIELD: &str = "once";

    /// Generates the token for a form.
    pub(crate) fn generate() -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    pub(super) fn key(&self) -> Option<HeaderValue> {
        let is_present = !self.0.is_empty();
        is_present.then(|| HeaderValue::from_str(&self.0).ok())?
    }
}
