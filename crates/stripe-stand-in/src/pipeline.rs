//! The steps of every API request: API key, fault, idempotency key, endpoint, answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::request::Parts};
use serde_json::Value;
use tokio::time::sleep;

use crate::books::{Books, new_id};
use crate::event::Cause;
use crate::faults::FaultKind;
use crate::form::Form;
use crate::idempotency::{Answer, Begin, Use};
use crate::refusal::Refusal;
use crate::settings::{API_VERSION, Settings};
use crate::state::Shared;

const BODY_LIMIT: usize = 1 << 20;
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const STRIPE_SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");

/// One request to an endpoint.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    /// The id in the path.
    pub(crate) id: String,
    pub(crate) form: Form,
    pub(crate) cause: Cause,
}

/// An endpoint.
pub(crate) type Endpoint = fn(&mut Books, &Call) -> Result<Value, Refusal>;

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Callers with the secret key.
    Merchant,
    /// Also browsers, which have the publishable key.
    Anyone,
}

/// Serves one request. Like a remote server, it processes the request to its end even if the caller disconnects.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    caller: Caller,
    endpoint: Endpoint,
    path: RawPathParams,
    request: Request,
) -> Response {
    let id = path.iter().next().map(|(_, id)| id.to_owned());
    let id = id.unwrap_or_default();
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let encoded = match parts.method {
        Method::GET => parts.uri.query().unwrap_or_default().as_bytes(),
        _ => &body[..],
    };
    let call = Call {
        path: parts.uri.path().to_owned(),
        id,
        form: Form::parse(encoded),
        cause: Cause {
            request_id: Some(new_id("req")),
            idempotency_key: text(&parts.headers, &IDEMPOTENCY_KEY)
                .filter(|_| parts.method == Method::POST),
        },
    };
    let processing = tokio::spawn(async move {
        let outcome = process(&shared, caller, endpoint, &parts, &call).await;
        outcome.into_response(&parts, &call)
    });
    processing
        .await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The outcome of a request.
enum Outcome {
    Answered {
        answer: Answer,
        replayed: bool,
    },
    /// The caller gets no answer.
    Lost,
}

async fn process(
    shared: &Shared,
    caller: Caller,
    endpoint: Endpoint,
    parts: &Parts,
    call: &Call,
) -> Outcome {
    if let Err(refusal) = authorize(&shared.settings, caller, &parts.headers) {
        return Outcome::refused(&refusal);
    }
    let fault = shared.faults.for_request(&call.path);
    if fault == Some(FaultKind::Unavailable) {
        return Outcome::refused(&Refusal::unavailable());
    }
    let begun = call.cause.idempotency_key.as_ref().map(|key| {
        let usage = Use {
            path: call.path.clone(),
            fingerprint: call.form.fingerprint(),
        };
        shared.keys.begin(key, usage)
    });
    let begun = match begun.transpose() {
        Ok(begun) => begun,
        Err(refusal) => return Outcome::refused(&refusal),
    };
    if let Some(FaultKind::Slow { milliseconds }) = fault {
        let delay = sleep(Duration::from_millis(milliseconds));
        shared.stop.run_until_cancelled(delay).await;
    }
    let (answer, replayed) = match begun {
        Some(Begin::Replay(answer)) => (answer, true),
        Some(Begin::Work(claim)) => {
            let (answer, has_begun) = run_with(fault, shared, endpoint, call);
            if has_begun {
                claim.store(answer.clone());
            }
            (answer, false)
        }
        None => (run_with(fault, shared, endpoint, call).0, false),
    };
    match fault {
        Some(FaultKind::LostAnswer) => Outcome::Lost,
        _ => Outcome::Answered { answer, replayed },
    }
}

/// As [`run`], unless the fault turns the answer into a 500, which is stored like any other.
fn run_with(
    fault: Option<FaultKind>,
    shared: &Shared,
    endpoint: Endpoint,
    call: &Call,
) -> (Answer, bool) {
    match fault {
        Some(FaultKind::Error) => (answer_of(&Refusal::internal()), true),
        Some(FaultKind::ErrorAfter) => {
            let (answer, began) = run(shared, endpoint, call);
            if began {
                (answer_of(&Refusal::internal()), true)
            } else {
                (answer, false)
            }
        }
        _ => run(shared, endpoint, call),
    }
}

/// The endpoint's answer, and whether it began its work, so that the answer is stored under the idempotency key.
fn run(shared: &Shared, endpoint: Endpoint, call: &Call) -> (Answer, bool) {
    match endpoint(&mut shared.books(), call) {
        Ok(body) => {
            let status = StatusCode::OK;
            (Answer { status, body }, true)
        }
        Err(refusal) => (answer_of(&refusal), refusal.began()),
    }
}

fn answer_of(refusal: &Refusal) -> Answer {
    Answer {
        status: refusal.status(),
        body: refusal.body(),
    }
}

fn authorize(settings: &Settings, caller: Caller, headers: &HeaderMap) -> Result<(), Refusal> {
    let given = text(headers, &header::AUTHORIZATION);
    let given = given
        .as_deref()
        .and_then(|value| value.strip_prefix("Bearer "));
    match given {
        Some(key) if key == settings.secret_key => Ok(()),
        Some(key) if key == settings.publishable_key && caller == Caller::Anyone => Ok(()),
        Some(key) if key == settings.publishable_key => Err(Refusal::unauthorized(
            "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a \
             list of your API keys at https://dashboard.stripe.com/account/apikeys.",
        )
        .code("secret_key_required")),
        Some(key) => {
            let shown: String = key.chars().take(7).collect();
            Err(Refusal::unauthorized(format!(
                "Invalid API Key provided: {shown}***"
            )))
        }
        None => Err(Refusal::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See \
             https://stripe.com/docs/api#authentication for details.",
        )),
    }
}

impl Outcome {
    fn refused(refusal: &Refusal) -> Self {
        Self::Answered {
            answer: answer_of(refusal),
            replayed: false,
        }
    }

    fn into_response(self, parts: &Parts, call: &Call) -> Response {
        let Self::Answered { answer, replayed } = self else {
            tracing::warn!(method = %parts.method, path = call.path, "answer lost");
            return closed_connection();
        };
        let status = answer.status;
        let key = call.cause.idempotency_key.as_deref();
        tracing::info!(
            method = %parts.method, path = call.path, status = status.as_u16(), replayed, key, "answered"
        );
        let mut response = (status, Json(answer.body)).into_response();
        let headers = response.headers_mut();
        let mut add = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if let Some(id) = &call.cause.request_id {
            add(REQUEST_ID, id);
        }
        let version = text(&parts.headers, &STRIPE_VERSION);
        add(STRIPE_VERSION, version.as_deref().unwrap_or(API_VERSION));
        if let Some(key) = key {
            add(IDEMPOTENCY_KEY, key);
        }
        if replayed {
            add(IDEMPOTENT_REPLAYED, "true");
        }
        if status == StatusCode::CONFLICT || status.is_server_error() {
            add(STRIPE_SHOULD_RETRY, "true");
        }
        response
    }
}

/// A body that fails before its first byte, so the connection closes before anything is sent, even headers.
fn closed_connection() -> Response {
    let failure = std::io::Error::other("the answer is lost on purpose");
    let failing = futures::stream::once(std::future::ready(Err::<Vec<u8>, _>(failure)));
    Body::from_stream(failing).into_response()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}
