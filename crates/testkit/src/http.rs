//! An HTTP client of the API for tests. Each shopper has one, with their cookies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::Id;
use common::id::kind;
use jsonwebtoken::{EncodingKey, Header};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderMap, LINK, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::{Value, json};
use web::{IDEMPOTENCY_KEY, session};

/// A response with its whole body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is not JSON.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The message of the only error.
    ///
    /// # Panics
    /// If the response does not have exactly one error in the contract's shape.
    #[must_use]
    pub fn message(&self) -> &str {
        let errors = self.json["errors"].as_array();
        let [error] = errors.map_or(&[][..], Vec::as_slice) else {
            panic!("not one error: {self:?}")
        };
        error["message"].as_str().expect("an error has a message")
    }

    /// The path of the next page, from the `Link` header.
    #[must_use]
    pub fn next_page(&self) -> Option<String> {
        let link = self.headers.get(LINK)?.to_str().ok()?;
        let (path, relation) = link.strip_prefix('<')?.split_once('>')?;
        relation.contains("next").then(|| path.to_owned())
    }

    /// The `id` in the body.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn id(&self) -> String {
        let id = self.json["id"].as_str();
        id.unwrap_or_else(|| panic!("no id: {self:?}")).to_owned()
    }
}

/// The client of one shopper. Clones share the cookies.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base_url: String,
    cookies: Arc<Mutex<BTreeMap<String, Cookie>>>,
    user_id: Option<Id<kind::User>>,
}

#[derive(Debug)]
struct Cookie {
    value: String,
    until: Option<Instant>,
}

impl Api {
    /// A client that is not signed in.
    ///
    /// # Panics
    /// If no HTTP client can be built.
    #[must_use]
    pub fn anonymous(base_url: &str) -> Self {
        let client = Client::builder()
            .timeout(Duration::from_mins(1))
            .redirect(redirect::Policy::none())
            // Everything is on loopback, even if the environment names a proxy.
            .no_proxy()
            .build();
        Self {
            client: client.expect("a client without TLS can always be built"),
            base_url: base_url.to_owned(),
            cookies: Arc::default(),
            user_id: None,
        }
    }

    /// A client with a session token made here, for services without accounts.
    #[must_use]
    pub fn signed_in(base_url: &str, jwt_key: &str, user_id: Id<kind::User>) -> Self {
        let email = format!("{user_id}@example.com");
        let api = Self {
            user_id: Some(user_id),
            ..Self::anonymous(base_url)
        };
        api.set_cookie(Some(session_cookie(jwt_key, user_id, &email)));
        api
    }

    /// Signs up a new account.
    ///
    /// # Panics
    /// If the sign-up fails.
    pub async fn sign_up(base_url: &str) -> Self {
        let mut api = Self::anonymous(base_url);
        let email = format!("{:032x}@example.com", rand::random::<u128>());
        let body = json!({ "email": email, "password": "correct horse" });
        let answer = api.post("/api/users/signup", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        api.user_id = Some(answer.id().parse().expect("the account's id"));
        api
    }

    /// The same client at another replica.
    #[must_use]
    pub fn at(&self, base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            ..self.clone()
        }
    }

    /// The user's id.
    ///
    /// # Panics
    /// If the client is not signed in.
    #[must_use]
    pub fn user_id(&self) -> Id<kind::User> {
        self.user_id.expect("the client is signed in")
    }

    /// The session cookie's value, if there is one.
    ///
    /// # Panics
    /// If another thread panicked while it used the cookies.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        self.jar()
            .get(session::COOKIE)
            .map(|cookie| cookie.value.clone())
    }

    /// Replaces the session cookie's value.
    ///
    /// # Panics
    /// If another thread panicked while it used the cookies.
    pub fn set_cookie(&self, value: Option<String>) {
        let mut jar = self.jar();
        jar.remove(session::COOKIE);
        let cookie = value.map(|value| Cookie { value, until: None });
        jar.extend(cookie.map(|cookie| (session::COOKIE.to_owned(), cookie)));
    }

    /// The cookies that have not expired.
    fn jar(&self) -> MutexGuard<'_, BTreeMap<String, Cookie>> {
        let mut jar = self.cookies.lock().expect("no thread panics with the lock");
        jar.retain(|_, cookie| cookie.until.is_none_or(|until| Instant::now() < until));
        jar
    }

    /// The `Cookie` header, if there are cookies.
    fn cookie_header(&self) -> Option<String> {
        let jar = self.jar();
        let pairs = jar
            .iter()
            .map(|(name, cookie)| [name, "=", &cookie.value].concat());
        let pairs: Vec<_> = pairs.collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `GET`. Checks that `HEAD` and a trailing slash give the same response.
    ///
    /// # Panics
    /// If they do not.
    pub async fn get_in_every_spelling(&self, path: &str) -> Answer {
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let slashed = format!("{bare}/?{query}");
        let answer = self.get(path).await;
        let other = self.get(&slashed).await;
        assert_eq!((other.status, &other.text), (answer.status, &answer.text));
        for path in [path, &slashed] {
            let head = self.send(self.request(Method::HEAD, path)).await;
            assert_eq!((head.status, &*head.text), (answer.status, ""), "{path}");
            for name in [CONTENT_TYPE, CONTENT_LENGTH, LINK] {
                assert_eq!(head.headers.get(&name), answer.headers.get(&name));
            }
        }
        answer
    }

    /// `POST` of JSON
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    /// `POST` of JSON with an `Idempotency-Key`
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, path).json(&body);
        self.send(request.header(IDEMPOTENCY_KEY, key)).await
    }

    /// `POST` of any bytes
    pub async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(Method::POST, path).body(body)).await
    }

    /// `PUT` of JSON
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A request for [`Api::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base_url))
    }

    /// Sends a request with the cookies, and stores those of the response.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let sent = self.try_send(request).await;
        sent.unwrap_or_else(|error| panic!("no response: {error:?}"))
    }

    /// As [`Api::send`], for a server that may be down.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let request = match self.cookie_header() {
            Some(cookies) => request.header(COOKIE, cookies),
            None => request,
        };
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        self.jar().extend(new_cookies(&headers));
        let text = response.text().await?;
        Ok(Answer {
            status,
            headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        })
    }
}

/// The cookies of these headers, by their names. A cookie that expires at once removes an earlier one.
fn new_cookies(headers: &HeaderMap) -> impl Iterator<Item = (String, Cookie)> {
    headers.get_all(SET_COOKIE).iter().filter_map(|cookie| {
        let (name, rest) = cookie.to_str().ok()?.split_once('=')?;
        let mut parts = rest.split("; ");
        let value = parts.next()?.to_owned();
        let seconds = parts.find_map(|part| part.strip_prefix("Max-Age=")?.parse().ok());
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Some((name.to_owned(), Cookie { value, until }))
    })
}

/// The value of a `session` cookie, as the auth service sets it.
///
/// # Panics
/// If the system's clock is before 1970.
#[must_use]
pub fn session_cookie(jwt_key: &str, user_id: Id<kind::User>, email: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let iat = now.expect("now is after 1970").as_secs();
    // A test may advance its clock by years.
    let exp = iat + 10 * 365 * 24 * 60 * 60;
    let claims = json!({ "id": user_id, "email": email, "iat": iat, "exp": exp });
    let key = EncodingKey::from_secret(jwt_key.as_bytes());
    let jwt = jsonwebtoken::encode(&Header::default(), &claims, &key).expect("claims are JSON");
    STANDARD.encode(json!({ "jwt": jwt }).to_string())
}
