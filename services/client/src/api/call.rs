//! The calls of the API's endpoints.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use common::Id;
use common::api::auth::{
    CredentialsBody, CurrentUserView, Empty, MagicLinkBody, SessionView, UserView,
};
use common::api::orders::{OrderBody, OrderView};
use common::api::tickets::{TicketBody, TicketView};
use common::id::kind;
use reqwest::RequestBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::metrics::{Histograms, Metrics};
use tokio::time::sleep;
use web::metrics::HTTP_CLIENT_REQUEST_DURATION;
use web::session::has_cookie;
use web::{IDEMPOTENCY_KEY, REQUEST_ID};

use super::exchange::{Answer, Exchange, unavailable};
use super::form_token::{FormToken, RETRY_INTERVAL, RETRY_TIMEOUT};
use super::trace::traced;
use super::{ApiOrigin, Failure};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an idle connection is kept; shorter than the services' own timeout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Shorter than the timeout of requests to this service.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of items on a page of a list.
const PAGE_SIZE: u32 = 20;

/// The headers of the shopper's request that are passed on.
const FORWARDED: [HeaderName; 3] = [
    header::COOKIE,
    REQUEST_ID,
    HeaderName::from_static("x-forwarded-for"),
];

/// The connections to the API, shared by all requests.
#[derive(Debug, Clone)]
pub(crate) struct ApiClient {
    http: reqwest::Client,
    origin: Arc<ApiOrigin>,
    durations: Histograms<3>,
}

impl ApiClient {
    pub(crate) fn new(origin: ApiOrigin, metrics: &Metrics) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build()
            .expect("a client without TLS cannot fail to build");
        Self {
            http,
            origin: Arc::new(origin),
            durations: metrics.histograms(&HTTP_CLIENT_REQUEST_DURATION),
        }
    }
}

/// The API on behalf of the shopper of a request.
#[derive(Debug)]
pub(crate) struct Api {
    client: ApiClient,
    headers: HeaderMap,
}

impl<S> FromRequestParts<S> for Api
where
    S: Send + Sync,
    ApiClient: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let mut headers = HeaderMap::new();
        for name in FORWARDED {
            for value in parts.headers.get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        Ok(Self {
            client: ApiClient::from_ref(state),
            headers,
        })
    }
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    pub(crate) items: Vec<T>,
    /// The `after` parameter of the next page, if there is one.
    pub(crate) after: Option<String>,
    /// The latest event that the list reflects, if it has a stream of changes.
    pub(crate) last_event: Option<String>,
}

/// The query parameters of a list.
pub(crate) type Query = [(&'static str, String)];

impl Api {
    /// Whether the request has a session cookie, valid or not.
    pub(crate) fn has_session(&self) -> bool {
        has_cookie(&self.headers)
    }

    pub(crate) async fn current_user(&self) -> Result<Option<SessionView>, Failure> {
        let answer: Answer<CurrentUserView> = self.get("auth", "/api/users/currentuser").await?;
        Ok(answer.body.current_user)
    }

    pub(crate) async fn sign_up(
        &self,
        body: &CredentialsBody,
        token: &FormToken,
    ) -> Result<Answer<UserView>, Failure> {
        self.post_once("auth", "/api/users/signup", body, token)
            .await
    }

    pub(crate) async fn sign_in(
        &self,
        body: &CredentialsBody,
    ) -> Result<Answer<UserView>, Failure> {
        self.post("auth", "/api/users/signin", body).await
    }

    pub(crate) async fn request_magic_link(&self, body: &MagicLinkBody) -> Result<(), Failure> {
        let _: Answer<Empty> = self.post("auth", "/api/users/signup-pl", body).await?;
        Ok(())
    }

    pub(crate) async fn sign_out(&self) -> Result<Answer<Empty>, Failure> {
        self.post("auth", "/api/users/signout", &Empty {}).await
    }

    pub(crate) async fn tickets(&self, query: &Query) -> Result<Listing<TicketView>, Failure> {
        self.list("tickets", "/api/tickets", query).await
    }

    pub(crate) async fn my_tickets(&self, query: &Query) -> Result<Listing<TicketView>, Failure> {
        self.list("tickets", "/api/tickets/mine", query).await
    }

    pub(crate) async fn ticket(&self, id: Id<kind::Ticket>) -> Result<Answer<TicketView>, Failure> {
        self.get("tickets", &format!("/api/tickets/{id}")).await
    }

    pub(crate) async fn create_ticket(
        &self,
        body: &TicketBody,
        token: &FormToken,
    ) -> Result<Answer<TicketView>, Failure> {
        self.post_once("tickets", "/api/tickets", body, token).await
    }

    pub(crate) async fn update_ticket(
        &self,
        id: Id<kind::Ticket>,
        body: &TicketBody,
    ) -> Result<Answer<TicketView>, Failure> {
        let path = format!("/api/tickets/{id}");
        let request = self.request("tickets", Method::PUT, &path).json(body);
        self.call("tickets", request).await
    }

    pub(crate) async fn withdraw_ticket(
        &self,
        id: Id<kind::Ticket>,
    ) -> Result<Answer<()>, Failure> {
        let path = format!("/api/tickets/{id}");
        let request = self.request("tickets", Method::DELETE, &path);
        self.call("tickets", request).await
    }

    /// The orders, latest first.
    pub(crate) async fn orders(&self, query: &Query) -> Result<Listing<OrderView>, Failure> {
        self.list("orders", "/api/orders?sort=newest", query).await
    }

    pub(crate) async fn order(&self, id: Id<kind::Order>) -> Result<OrderView, Failure> {
        let answer = self.get("orders", &format!("/api/orders/{id}")).await?;
        Ok(answer.body)
    }

    pub(crate) async fn place_order(
        &self,
        body: &OrderBody,
        token: &FormToken,
    ) -> Result<OrderView, Failure> {
        let answer = self.post_once("orders", "/api/orders", body, token).await?;
        Ok(answer.body)
    }

    pub(crate) async fn cancel_order(&self, id: Id<kind::Order>) -> Result<(), Failure> {
        let path = format!("/api/orders/{id}");
        let request = self.request("orders", Method::DELETE, &path);
        let _: Answer<()> = self.call("orders", request).await?;
        Ok(())
    }

    async fn get<T: DeserializeOwned>(
        &self,
        service: &str,
        path: &str,
    ) -> Result<Answer<T>, Failure> {
        let request = self.request(service, Method::GET, path);
        self.call(service, request).await
    }

    async fn list<T: DeserializeOwned>(
        &self,
        service: &str,
        path: &str,
        query: &Query,
    ) -> Result<Listing<T>, Failure> {
        let request = self.request(service, Method::GET, path);
        let request = request.query(&[("limit", PAGE_SIZE)]).query(query);
        let answer: Answer<Vec<T>> = self.call(service, request).await?;
        Ok(Listing {
            items: answer.body,
            after: answer.next,
            last_event: answer.last_event,
        })
    }

    async fn post<T: DeserializeOwned>(
        &self,
        service: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>, Failure> {
        let request = self.request(service, Method::POST, path).json(body);
        self.call(service, request).await
    }

    /// Sends a form that may be sent twice. The second request waits for the first and gets the same result.
    async fn post_once<T: DeserializeOwned>(
        &self,
        service: &str,
        path: &str,
        body: &impl Serialize,
        token: &FormToken,
    ) -> Result<Answer<T>, Failure> {
        let deadline = Instant::now() + RETRY_TIMEOUT;
        loop {
            let mut request = self.request(service, Method::POST, path).json(body);
            if let Some(key) = token.key() {
                request = request.header(IDEMPOTENCY_KEY, key);
            }
            match self.call(service, request).await {
                Err(failure) if failure.is_in_progress() && Instant::now() < deadline => {
                    sleep(RETRY_INTERVAL).await;
                }
                result => return result,
            }
        }
    }

    pub(super) fn request(&self, service: &str, method: Method, path: &str) -> RequestBuilder {
        let url = self.client.origin.url(service, path);
        let request = self.client.http.request(method, url);
        request.headers(self.headers.clone())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        service: &str,
        request: RequestBuilder,
    ) -> Result<Answer<T>, Failure> {
        let (client, request) = request.build_split();
        let answer = match request {
            Ok(request) => {
                let (method, start) = (request.method().clone(), Instant::now());
                let answer = traced(service, &client, request).await;
                let status = answer.as_ref().map_or("", |answer| answer.status.as_str());
                let labels = [method.as_str(), service, status];
                self.client.durations.with(labels).observe(start.elapsed());
                answer
            }
            Err(error) => Err(unavailable(error)),
        };
        let answer = answer.and_then(Exchange::read);
        if let Err(Failure::Unavailable(reason)) = &answer {
            tracing::warn!(peer.service = service, error = reason, "API call failed");
        }
        answer
    }
}
