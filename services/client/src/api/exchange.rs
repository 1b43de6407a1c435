//! Sends a request and reads the answer.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use common::ErrorBody;
use reqwest::{Client, Request};
use serde::de::DeserializeOwned;
use web::LAST_EVENT_ID;

use super::Failure;

/// The maximum size of an answer, in bytes: ten times a page of a hundred tickets with the longest titles.
const MAX_ANSWER: usize = 1 << 20;

/// A successful answer of the API.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) body: T,
    /// The cookies to pass on to the browser.
    pub(crate) cookies: Vec<HeaderValue>,
    /// The latest event that the answer reflects, if there is a stream of changes.
    pub(crate) last_event: Option<String>,
    /// The `after` parameter of the next page, if there is one.
    pub(super) next: Option<String>,
}

/// A raw answer.
pub(super) struct Exchange {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) fn unavailable(error: reqwest::Error) -> Failure {
    Failure::Unavailable(error.without_url().to_string())
}

pub(super) async fn exchange(client: &Client, request: Request) -> Result<Exchange, Failure> {
    let mut response = client.execute(request).await.map_err(unavailable)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Failure::Unavailable("the answer is too large".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Exchange {
        status: response.status(),
        headers: response.headers().clone(),
        body,
    })
}

impl Exchange {
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<Answer<T>, Failure> {
        if self.status.is_success() {
            return self.success();
        }
        match serde_json::from_slice(&self.body) {
            Ok(ErrorBody { errors }) if self.status.is_client_error() => Err(Failure::Refused {
                status: self.status,
                errors,
            }),
            _ => Err(Failure::Unavailable(format!("answered {}", self.status))),
        }
    }

    fn success<T: DeserializeOwned>(self) -> Result<Answer<T>, Failure> {
        // An empty answer (204) is read as `null`.
        let json: &[u8] = if self.body.is_empty() {
            b"null"
        } else {
            &self.body
        };
        let body = serde_json::from_slice(json)
            .map_err(|error| Failure::Unavailable(format!("unexpected answer: {error}")))?;
        let cookies = self
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .cloned()
            .collect();
        let header = |name| self.headers.get(name)?.to_str().ok();
        Ok(Answer {
            body,
            cookies,
            last_event: header(LAST_EVENT_ID).map(str::to_owned),
            next: header(header::LINK).and_then(after),
        })
    }
}

/// The `after` parameter in the `Link` header of the next page.
fn after(link: &str) -> Option<String> {
    let address = link.split_once('<')?.1.split_once('>')?.0;
    let query = address.split_once('?')?.1;
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let (_, after) = parameters.find(|(name, _)| name == "after")?;
    Some(after.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let link = "</api/tickets?limit=20&after=665f&q=jazz>; rel=\"next\"";
        assert_eq!(after(link).as_deref(), Some("665f"));
        assert_eq!(after("</api/tickets?limit=20>; rel=\"next\""), None);
        assert_eq!(after("nonsense"), None);
    }
}
