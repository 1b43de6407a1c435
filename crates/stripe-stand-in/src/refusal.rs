//! Failures in Stripe's shape: `{"error": {"type", "code", "message", …}}`.
//!
//! See <https://docs.stripe.com/api/errors>.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// Why a request failed.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    /// Whether the endpoint had begun its work, so that the answer is stored under the idempotency key.
    began: bool,
    error: Map<String, Value>,
}

impl Refusal {
    /// The parameters are invalid; the endpoint did not begin its work.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            false,
            "invalid_request_error",
            message,
        )
    }

    /// The parameters are valid, but the state of an object forbids the request.
    pub(crate) fn conflicting(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            true,
            "invalid_request_error",
            message,
        )
    }

    /// The object that the URL names does not exist.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            ..Self::missing(what, id, "id")
        }
    }

    /// The object that a parameter names does not exist.
    pub(crate) fn missing(what: &str, id: &str, param: &str) -> Self {
        Self::conflicting(format!("No such {what}: '{id}'"))
            .code("resource_missing")
            .param(param)
    }

    /// The card is declined or invalid.
    pub(crate) fn card(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::PAYMENT_REQUIRED, true, "card_error", message).code(code)
    }

    /// The API key is missing or wrong.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            false,
            "invalid_request_error",
            message,
        )
    }

    /// The idempotency key was used for another request.
    pub(crate) fn key_reused(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, false, "idempotency_error", message)
    }

    /// A request with the same idempotency key is in progress.
    pub(crate) fn key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you \
             submitted twice, and the other request is still going through): {key}. Please try again later."
        );
        Self {
            status: StatusCode::CONFLICT,
            ..Self::invalid(message).code("idempotency_key_in_use")
        }
    }

    /// Stripe failed.
    pub(crate) fn internal() -> Self {
        let message = "An unknown error occurred. (This is an injected fault.)";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            true,
            "api_error",
            message,
        )
    }

    /// A proxy in front of Stripe failed.
    pub(crate) fn unavailable() -> Self {
        let message = "Service unavailable. (This is an injected fault; nothing was done.)";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, false, "api_error", message)
    }

    fn new(
        status: StatusCode,
        began: bool,
        kind: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let mut error = Map::new();
        error.insert("type".to_owned(), kind.into());
        error.insert("message".to_owned(), message.into().into());
        Self {
            status,
            began,
            error,
        }
    }

    /// Adds the error code.
    pub(crate) fn code(self, code: &'static str) -> Self {
        let page = code.replace('_', "-");
        self.with("code", code).with(
            "doc_url",
            format!("https://stripe.com/docs/error-codes/{page}"),
        )
    }

    /// Names the invalid parameter.
    pub(crate) fn param(self, param: &str) -> Self {
        self.with("param", param)
    }

    /// Adds a field to the error.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.error.insert(name.to_owned(), value.into());
        self
    }

    /// The status of the answer.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the endpoint had begun its work.
    pub(crate) const fn began(&self) -> bool {
        self.began
    }

    /// The error, as a payment intent stores it.
    pub(crate) fn error(&self) -> Value {
        Value::Object(self.error.clone())
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.error })
    }
}
