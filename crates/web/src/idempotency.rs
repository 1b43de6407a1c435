//! `Idempotency-Key`, as Stripe defines it (<https://docs.stripe.com/api/idempotent_requests>): a POST that is sent
//! again with the same key is executed once, and for at least 24 hours every repeat receives the first result.
//!
//! A key belongs to its caller. Before the endpoint runs, the key is claimed by inserting a document whose `_id` is a
//! digest of caller and key. So one of several concurrent requests executes, and the others get 409. Afterwards the
//! document stores the result. The same key with another path or body is refused with 400.
//!
//! - Requests that were not executed are not stored: a failed validation, 401, 403, 404, 413 and 429. The client
//!   corrects the request, or waits, and sends it again.
//! - Never stored: 503, because a retry may work; a response that sets a session, because sessions are credentials; and
//!   a response larger than [`LONGEST_RESPONSE`]. The claim stays, and a repeat executes again.
//! - A process that dies leaves its claim behind. When the [`LEASE`] has expired, a repeat executes again.
//!
//! Executing again creates nothing twice: a claim contains the id of the entity that its request creates ([`NewId`]),
//! and the endpoint finds the existing one. A request without the header costs one lookup in its headers.

mod claim;
mod layer;
mod new_id;
mod stored;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::clock::Clock;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::FieldError;
use hmac::{Hmac, KeyInit, Mac};
use mongo::{Database, StoreError};
use secrecy::ExposeSecret;
use sha2::Sha256;
use telemetry::metrics::Counters;
use tower::Service;

use super::error::NotExecuted;
use super::stack::BODY_LIMIT;
use super::{ApiError, Retry};
use crate::metrics::HTTP_IDEMPOTENT_REQUESTS;
use crate::session::{self, SessionConfig, Sessions};
use claim::{Claim, Claimed, Claims};
use stored::StoredResponse;

pub(super) use layer::IdempotencyLayer;
pub use new_id::NewId;

/// The header by which a client names a request that it may send again.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header that marks a response as the stored result of an earlier request.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The header's name in errors and in the API's description.
pub(crate) const KEY_NAME: &str = "Idempotency-Key";

/// The longest key, in characters: Stripe's limit.
pub(crate) const LONGEST_KEY: usize = 255;

/// After how long a repeat may execute a request again: longer than [`Limits::request_time`](base::Limits), with a
/// margin for clocks that differ.
const LEASE: Duration = Duration::from_secs(30);

/// The longest response that is stored, in bytes. Responses to writes have a few hundred.
const LONGEST_RESPONSE: u64 = 16 << 10;

/// The statuses of requests that were not executed.
const NOT_EXECUTED: [StatusCode; 5] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::TOO_MANY_REQUESTS,
];

/// To whom keys belong.
#[derive(Clone)]
pub enum Callers {
    /// Each user has keys of their own. All clients without a session share theirs.
    BySession(Sessions),
    /// All clients share their keys: the endpoints do not depend on the session, and may change it.
    Everybody,
}

/// The keys of a service. Clones share them.
#[derive(Clone)]
pub struct Idempotency(Arc<Keys>);

struct Keys {
    claims: Claims,
    callers: Callers,
    /// Digests are keyed, because bodies may contain passwords, which could be guessed from plain digests.
    mac: Hmac<Sha256>,
    outcomes: Counters<1>,
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency").finish_non_exhaustive()
    }
}

/// The consequence of a response for its claim.
enum Ending {
    /// The response is the result of all repeats.
    Final,
    /// The request was refused before it was executed.
    NotExecuted,
    /// The request may be executed again.
    Repeatable,
}

impl Idempotency {
    /// Opens the service's collection of keys. Digests use the key of `config`.
    pub async fn open(
        database: &Database,
        config: &SessionConfig,
        callers: Callers,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(config.key.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        // The key also signs tokens, and no token begins with this prefix.
        mac.update(b"idempotency\0");
        Ok(Self(Arc::new(Keys {
            claims: Claims::open(database, clock).await?,
            callers,
            mac,
            outcomes: database.metrics().counters(&HTTP_IDEMPOTENT_REQUESTS),
        })))
    }
}

impl Keys {
    async fn respond<S>(&self, request: Request, mut endpoint: S) -> Result<Response, ApiError>
    where
        S: Service<Request, Response = Response, Error = Infallible>,
    {
        let (mut parts, body) = request.into_parts();
        let key = key(&parts.headers)?;
        let body = to_bytes(body, BODY_LIMIT).await;
        let body = body.map_err(|_| ApiError::Unreadable("Request body could not be read"))?;
        let id = self.digest(&[&self.caller(&parts), key]);
        let address = parts.uri.path_and_query();
        let address = address.map_or("/", |address| address.as_str());
        let fingerprint = self.digest(&[address.as_bytes(), &body]);
        let claim = match self.claims.claim(id, fingerprint).await? {
            Claimed::Ours(claim) => claim,
            Claimed::Completed(response) => {
                self.count("replayed");
                return Ok(replay(response));
            }
            Claimed::Busy => {
                self.count("conflict");
                return Err(ApiError::InProgress(RETRY));
            }
            Claimed::OtherRequest => {
                self.count("mismatch");
                return Err(invalid("Idempotency-Key was used for another request"));
            }
        };
        self.count(if claim.is_repeated {
            "repeated"
        } else {
            "executed"
        });
        parts.extensions.insert(claim.new_id());
        let request = Request::from_parts(parts, Body::from(body));
        let response = endpoint.call(request).await;
        let response = response.unwrap_or_else(|never| match never {});
        Ok(self.conclude(&claim, response).await)
    }

    /// Bytes that identify the caller.
    fn caller(&self, parts: &Parts) -> Vec<u8> {
        match &self.callers {
            Callers::BySession(sessions) => sessions.read(&parts.headers),
            Callers::Everybody => None,
        }
        .map(|session| session.id.bytes().to_vec())
        .unwrap_or_default()
    }

    fn digest(&self, parts: &[&[u8]]) -> String {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// Updates the claim, and returns the response. If the update fails, the lease expires as after a crash.
    async fn conclude(&self, claim: &Claim, response: Response) -> Response {
        let (updated, response) = match ending(&response) {
            Ending::Final => match split(response).await {
                Ok((stored, response)) => (self.claims.complete(claim, &stored).await, response),
                Err(failed) => (self.claims.release(claim).await, failed),
            },
            Ending::NotExecuted if !claim.is_repeated => {
                (self.claims.delete(claim).await, response)
            }
            Ending::NotExecuted | Ending::Repeatable => {
                (self.claims.release(claim).await, response)
            }
        };
        if let Err(error) = updated {
            tracing::warn!(%error, "result of an idempotent request not stored");
        }
        response
    }

    fn count(&self, outcome: &str) {
        self.outcomes.with([outcome]).increment();
    }
}

/// When to retry while a request with the same key is being executed.
const RETRY: Retry = Retry {
    after: Duration::from_secs(1),
};

/// The key of a request that has the header.
fn key(headers: &HeaderMap) -> Result<&[u8], ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(invalid("Idempotency-Key must be given once"));
    };
    let key = value.as_bytes();
    let printable = key.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if printable && (1..=LONGEST_KEY).contains(&key.len()) {
        Ok(key)
    } else {
        Err(invalid(
            "Idempotency-Key must be 1 to 255 printable ASCII characters",
        ))
    }
}

fn invalid(message: &str) -> ApiError {
    ApiError::Invalid(vec![FieldError::new(KEY_NAME, message)])
}

fn ending(response: &Response) -> Ending {
    let status = response.status();
    let refused = response.extensions().get::<NotExecuted>().is_some();
    if refused || NOT_EXECUTED.contains(&status) {
        return Ending::NotExecuted;
    }
    let size = response.body().size_hint().upper();
    let is_short = size.is_some_and(|size| size <= LONGEST_RESPONSE);
    if status == StatusCode::SERVICE_UNAVAILABLE || sets_session(response) || !is_short {
        Ending::Repeatable
    } else {
        Ending::Final
    }
}

fn sets_session(response: &Response) -> bool {
    let mut cookies = response.headers().get_all(header::SET_COOKIE).iter();
    cookies.any(|cookie| {
        let value = cookie.as_bytes().strip_prefix(session::COOKIE.as_bytes());
        value.is_some_and(|value| value.starts_with(b"="))
    })
}

/// The response to store, and the one to send.
async fn split(response: Response) -> Result<(StoredResponse, Response), Response> {
    let (parts, body) = response.into_parts();
    let body: Bytes = match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return Err(ApiError::Internal(error.into()).into_response()),
    };
    let stored = StoredResponse::of(&parts, &body);
    Ok((stored, Response::from_parts(parts, Body::from(body))))
}

fn replay(stored: StoredResponse) -> Response {
    let mut response = stored.into_response();
    let headers = response.headers_mut();
    headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    response
}
