//! An answer of the API as it came, and what it says.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use common::ErrorBody;
use reqwest::{Client, Request};
use serde::de::DeserializeOwned;
use web::LAST_EVENT_ID;

use super::Failure;

/// The longest answer that is read, in bytes: a page of a hundred of the longest tickets is a tenth of it.
const LONGEST_ANSWER: usize = 1 << 20;

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) body: T,
    /// The cookies that it sets, to be passed on.
    pub(crate) cookies: Vec<HeaderValue>,
    /// The event after which the answer was true, if there is a stream of its changes.
    pub(crate) place: Option<String>,
    /// What follows `after=` in the address of the next page, if there is one.
    pub(super) next: Option<String>,
}

/// An answer as it came.
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
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Failure::Unavailable("an answer without end".to_owned()));
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
        let told: Result<ErrorBody, _> = serde_json::from_slice(&self.body);
        match told {
            Ok(ErrorBody { errors }) if self.status.is_client_error() => Err(Failure::Refused {
                status: self.status,
                errors,
            }),
            _ => Err(Failure::Unavailable(format!("answered {}", self.status))),
        }
    }

    fn success<T: DeserializeOwned>(self) -> Result<Answer<T>, Failure> {
        // An empty answer (204) is JSON's null.
        let json: &[u8] = if self.body.is_empty() {
            b"null"
        } else {
            &self.body
        };
        let body = serde_json::from_slice(json)
            .map_err(|error| Failure::Unavailable(format!("not in the contract: {error}")))?;
        let cookies = self
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .cloned()
            .collect();
        let said = |name| self.headers.get(name)?.to_str().ok();
        Ok(Answer {
            body,
            cookies,
            place: said(LAST_EVENT_ID).map(str::to_owned),
            next: said(header::LINK).and_then(after),
        })
    }
}

/// The `after` parameter of a `Link` header that names the next page.
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
    fn the_next_page_is_named_by_what_follows_after() {
        let link = "</api/tickets?limit=20&after=665f&q=jazz>; rel=\"next\"";
        assert_eq!(after(link).as_deref(), Some("665f"));
        assert_eq!(after("</api/tickets?limit=20>; rel=\"next\""), None);
        assert_eq!(after("nonsense"), None);
    }
}
