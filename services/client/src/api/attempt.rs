//! Raw calls for the developers' page, which shows every answer as it is.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::exchange::{Exchange, exchange, unavailable};
use super::{Api, Failure};

/// The raw answer.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The cookies to pass on to the browser.
    pub(crate) cookies: Vec<HeaderValue>,
    pub(crate) body: Vec<u8>,
}

impl Api {
    /// Sends a request. The answer must be finite and of limited size.
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
