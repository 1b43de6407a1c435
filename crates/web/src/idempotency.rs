//! `Idempotency-Key`, as Stripe defines it (<https://docs.stripe.com/api/idempotent_requests>): a POST that is sent again
//! under the same key is executed once, and its first result is the result of every repeat for at least 24 hours.
//!
//! A key belongs to its caller. Before the endpoint runs, the key is claimed by inserting a document whose `_id` is a digest
//! of caller and key, so of concurrent requests one executes and the others get 409. Afterwards the document holds the
//! result. The same key with another path or body is refused with 400.
//!
//! - What did not begin to execute is not stored: a failed validation, 401, 403, 404, 413 and 429. The client corrects the
//!   request, or waits, and sends it again.
//! - Never stored: 503, which promises that a retry may work; an answer that sets a session, since sessions are
//!   credentials; and an answer above [`LONGEST_ANSWER`]. The claim stays, and a repeat executes again.
//! - A process that dies leaves its claim behind. Once the [`LEASE`] is over, a repeat executes again.
//!
//! Executing again creates nothing twice: a claim carries the id of whatever its request creates ([`NewId`]), and the
//! endpoint finds what is there. A request without the header costs one look at its headers.

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
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::FieldError;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;
use tower::Service;

use super::error::NothingBegan;
use super::stack::BODY_LIMIT;
use super::{ApiError, Retry};
use crate::metrics::HTTP_IDEMPOTENT_REQUESTS;
use crate::session::{self, SessionConfig, Sessions};
use base::clock::Clock;
use claim::{Claim, Claimed, Claims};
use mongo::{Database, StoreError};
use stored::StoredAnswer;
use telemetry::metrics::Counters;

pub(super) use layer::IdempotencyLayer;
pub use new_id::NewId;

/// The header by which a client names a request that it may send again.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is the stored result of an earlier request.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The header as errors and the API's description spell it.
pub(crate) const KEY_NAME: &str = "Idempotency-Key";

/// The longest key, in characters: Stripe's limit.
pub(crate) const LONGEST_KEY: usize = 255;

/// How long the execution of a request may take before a repeat may execute it again: longer than the time after which
/// [`Limits::request_time`](super::Limits) answers for it, and for clocks that differ.
const LEASE: Duration = Duration::from_secs(30);

/// The longest answer that is stored, in bytes. Answers to writes are a few hundred.
const LONGEST_ANSWER: u64 = 16 << 10;

/// Answers to requests that did not begin to execute.
const NOT_EXECUTED: [StatusCode; 5] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::TOO_MANY_REQUESTS,
];

/// Whose keys a service tells apart.
#[derive(Clone)]
pub enum Callers {
    /// Each session's user has keys of their own; all who are not signed in share theirs.
    BySession(Sessions),
    /// All share their keys: what the endpoints do does not depend on who is signed in, and may change it.
    Everybody,
}

/// The keys of a service. Clones share them.
#[derive(Clone)]
pub struct Idempotency(Arc<Keys>);

struct Keys {
    claims: Claims,
    callers: Callers,
    /// Digests are keyed, since bodies may hold passwords, which could be guessed from plain digests.
    mac: Hmac<Sha256>,
    outcomes: Counters<1>,
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency").finish_non_exhaustive()
    }
}

/// What the end of an execution means for its claim.
enum Ending {
    /// This is the result, from now on.
    Decided,
    /// It was refused before it began.
    NotExecuted,
    /// It may be executed again.
    Repeatable,
}

impl Idempotency {
    /// Opens the service's collection of keys. Digests are made under the key of `config`.
    pub async fn open(
        database: &Database,
        config: &SessionConfig,
        callers: Callers,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(config.key.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        // The key signs tokens too; no token begins so.
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
    async fn answer<S>(&self, request: Request, mut endpoint: S) -> Result<Response, ApiError>
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
            Claimed::Answered(answer) => {
                self.count("replayed");
                return Ok(replay(answer));
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
        let answered = endpoint.call(request).await;
        let answer = answered.unwrap_or_else(|never| match never {});
        Ok(self.conclude(&claim, answer).await)
    }

    /// Who sent the request, in bytes that nobody else has.
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

    /// Keeps what is to be kept of the answer, and returns it. If that fails, the lease ends as after a death.
    async fn conclude(&self, claim: &Claim, answer: Response) -> Response {
        let (kept, answer) = match ending(&answer) {
            Ending::Decided => match take_apart(answer).await {
                Ok((stored, answer)) => (self.claims.complete(claim, &stored).await, answer),
                Err(failed) => (self.claims.release(claim).await, failed),
            },
            Ending::NotExecuted if !claim.is_repeated => (self.claims.delete(claim).await, answer),
            Ending::NotExecuted | Ending::Repeatable => (self.claims.release(claim).await, answer),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "result of an idempotent request not stored");
        }
        answer
    }

    fn count(&self, outcome: &str) {
        self.outcomes.with([outcome]).increment();
    }
}

/// After how long to ask for the result of a request that is being executed.
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

fn ending(answer: &Response) -> Ending {
    let status = answer.status();
    let refused = answer.extensions().get::<NothingBegan>().is_some();
    if refused || NOT_EXECUTED.contains(&status) {
        return Ending::NotExecuted;
    }
    let size = answer.body().size_hint().upper();
    let is_short = size.is_some_and(|size| size <= LONGEST_ANSWER);
    if status == StatusCode::SERVICE_UNAVAILABLE || sets_session(answer) || !is_short {
        Ending::Repeatable
    } else {
        Ending::Decided
    }
}

fn sets_session(answer: &Response) -> bool {
    let mut cookies = answer.headers().get_all(header::SET_COOKIE).iter();
    cookies.any(|cookie| {
        let value = cookie.as_bytes().strip_prefix(session::COOKIE.as_bytes());
        value.is_some_and(|value| value.starts_with(b"="))
    })
}

/// The answer to be stored, and to be sent.
async fn take_apart(answer: Response) -> Result<(StoredAnswer, Response), Response> {
    let (parts, body) = answer.into_parts();
    let body: Bytes = match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return Err(ApiError::Internal(error.into()).into_response()),
    };
    let stored = StoredAnswer::of(&parts, &body);
    Ok((stored, Response::from_parts(parts, Body::from(body))))
}

fn replay(stored: StoredAnswer) -> Response {
    let mut answer = stored.into_response();
    let headers = answer.headers_mut();
    headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    answer
}
