//! Sessions: the `session` cookie, its token, and the extractors of the signed-in user.
//!
//! The cookie is standard base64 of `{"jwt":"<HS256>"}`, compatible with the reference fleet's clients. An invalid
//! cookie means signed out, never an error.

mod cache;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use base::clock::Clock;
use base::config::Environment;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::api::auth::SessionView;
use common::id::kind;
use common::{Email, Id};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::ApiError;
use cache::{Session, SessionCache};

/// The name of the session cookie.
pub const COOKIE: &str = "session";

/// The longest session cookie that is read, in bytes. Browsers store no longer ones, and ours have less than a
/// thousand.
const LONGEST_COOKIE: usize = 4_096;

/// How many session cookies of a request are tried.
const COOKIE_LIMIT: usize = 16;

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// The configuration of session cookies.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// `JWT_KEY`: signs the tokens.
    pub key: SecretString,
    /// `COOKIE_SECURE` (default true): browsers send cookies over https only.
    pub secure: bool,
}

impl SessionConfig {
    /// The minimum length of the key for HS256, in bytes (RFC 7518, section 3.2).
    const SHORTEST_KEY: usize = 32;

    /// Reads `JWT_KEY` and `COOKIE_SECURE`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let key = environment.secret("JWT_KEY", Self::SHORTEST_KEY);
        let secure = environment.with_default("COOKIE_SECURE", true);
        Some(Self {
            key: key?,
            secure: secure?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Cookie {
    jwt: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    id: Id<kind::User>,
    email: Email,
    iat: u64,
    exp: u64,
}

/// Issues and reads session cookies.
#[derive(Clone)]
pub struct Sessions(Arc<CookieCodec>);

struct CookieCodec {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    secure: bool,
    clock: Clock,
    cache: SessionCache,
}

impl Sessions {
    /// Sessions under the configured key.
    #[must_use]
    pub fn new(config: &SessionConfig, clock: Clock) -> Self {
        let key = config.key.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked against the injected clock.
        validation.validate_exp = false;
        Self(Arc::new(CookieCodec {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
            secure: config.secure,
            clock,
            cache: SessionCache::default(),
        }))
    }

    /// The `Set-Cookie` header that signs this user in.
    #[must_use]
    pub fn issue(&self, id: Id<kind::User>, email: &Email) -> HeaderValue {
        let iat = self.now_seconds();
        let claims = Claims {
            id,
            email: email.clone(),
            iat,
            exp: iat + LIFETIME.as_secs(),
        };
        let jwt = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.0.encoding)
            .expect("claims are JSON and the key is for HMAC");
        let json = serde_json::to_string(&Cookie { jwt }).expect("a cookie is JSON");
        self.set_cookie(&STANDARD.encode(json), LIFETIME)
    }

    /// The `Set-Cookie` header that signs out.
    #[must_use]
    pub fn clear(&self) -> HeaderValue {
        self.set_cookie("", Duration::ZERO)
    }

    fn set_cookie(&self, value: &str, max_age: Duration) -> HeaderValue {
        let secure = if self.0.secure { "; Secure" } else { "" };
        let max_age = max_age.as_secs();
        format!("{COOKIE}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
            .try_into()
            .expect("base64 and numbers are visible ASCII")
    }

    /// The signed-in user, from the first valid session cookie in these request headers.
    ///
    /// A browser sends several session cookies if another host of the domain, or another path, has set one, and other
    /// hosts can influence their order. An invalid cookie must not hide ours.
    #[must_use]
    pub fn read(&self, headers: &HeaderMap) -> Option<SessionView> {
        let cookies = cookies(headers, COOKIE).take(COOKIE_LIMIT);
        let mut cookies = cookies.filter(|cookie| cookie.len() <= LONGEST_COOKIE);
        cookies.find_map(|cookie| self.read_one(cookie))
    }

    fn read_one(&self, cookie: &[u8]) -> Option<SessionView> {
        let session = self.0.cache.find(cookie).or_else(|| self.verify(cookie))?;
        (self.now_seconds() < session.exp).then_some(session.view)
    }

    /// The cookie's session, if we signed it. Valid ones are cached.
    fn verify(&self, cookie: &[u8]) -> Option<Session> {
        let CookieCodec {
            decoding,
            validation,
            cache,
            ..
        } = &*self.0;
        let json = STANDARD.decode(cookie).ok()?;
        let Cookie { jwt } = serde_json::from_slice(&json).ok()?;
        let claims = jsonwebtoken::decode::<Claims>(&jwt, decoding, validation);
        let Claims {
            id,
            email,
            iat,
            exp,
        } = claims.ok()?.claims;
        let view = SessionView { id, email, iat };
        let session = Session { view, exp };
        cache.insert(cookie, session.clone());
        Some(session)
    }

    fn now_seconds(&self) -> u64 {
        u64::try_from(self.0.clock.now().milliseconds() / 1_000).unwrap_or(0)
    }
}

/// Whether the request has a session cookie, valid or not.
#[must_use]
pub fn has_cookie(headers: &HeaderMap) -> bool {
    cookies(headers, COOKIE).next().is_some()
}

/// The values of all cookies with this name, as bytes: other sites of the domain may set cookies that are not UTF-8.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let values = headers.get_all(header::COOKIE).iter();
    let cookies = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    cookies.filter_map(move |cookie| {
        let rest = cookie.trim_ascii().strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=")
    })
}

/// The signed-in user, if there is one.
#[derive(Debug, Clone)]
pub struct CurrentUser(pub Option<SessionView>);

impl<S> FromRequestParts<S> for CurrentUser
where
    S: Send + Sync,
    Sessions: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(Sessions::from_ref(state).read(&parts.headers)))
    }
}

/// The signed-in user; 401 `Not authorized` if there is none.
#[derive(Debug, Clone)]
pub struct RequireUser(pub SessionView);

impl<S> FromRequestParts<S> for RequireUser
where
    S: Send + Sync,
    Sessions: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Sessions::from_ref(state)
            .read(&parts.headers)
            .map(Self)
            .ok_or(ApiError::NotAuthorized)
    }
}
