//! A call that a developer makes to see what comes of it: the answer as it came, whatever it is.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::exchange::{Exchange, exchange, unavailable};
use super::{Api, Failure};

/// What came of it.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The cookies that it sets, to be passed on.
    pub(crate) cookies: Vec<HeaderValue>,
    pub(crate) body: Vec<u8>,
}

impl Api {
    /// Sends a request that ends in an answer of bounded size.
    pub(crate) async fn attempt(
        &self,
        service: &str,
        method: Method,
        address: &str,
        body: Option<String>,
    ) -> Result<Attempt, Failure> {
        let mut request = self.request(service, method, address);
        if let Some(body) = body {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body);
        }
        let (client, request) = request.build_split();
        let Exchange {
            status,
            headers,
            body,
        } = exchange(&client, request.map_err(unavailable)?).await?;
        let cookies = headers
            .get_all(header::SET_COOKIE)
            .iter()
            .cloned()
            .collect();
        Ok(Attempt {
            status,
            headers,
            cookies,
            body,
        })
    }
}
