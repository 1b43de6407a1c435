//! Responses that are encoded once and sent to many clients.

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use messaging::feed::EventId;
use serde::Serialize;

use super::LAST_EVENT_ID;

/// A response in JSON. Clones share the body.
#[derive(Debug, Clone)]
pub struct Encoded {
    body: Bytes,
    link: Option<HeaderValue>,
    last_event_id: Option<HeaderValue>,
}

impl Encoded {
    /// A response with this value.
    ///
    /// # Panics
    ///
    /// If JSON cannot represent the value, such as a map with keys that are not strings. Views of an API never contain
    /// one.
    #[must_use]
    pub fn json(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("views are JSON");
        Self {
            body: body.into(),
            link: None,
            last_event_id: None,
        }
    }

    /// Adds the `Link` header, if there is one.
    #[must_use]
    pub(super) fn with_link(self, link: Option<HeaderValue>) -> Self {
        Self { link, ..self }
    }

    /// Adds `Last-Event-ID`, the cursor from which a client that shows the response continues with the feed. The cursor
    /// must have been taken before the data was read.
    #[must_use]
    pub fn with_last_event_id(self, cursor: EventId) -> Self {
        Self {
            last_event_id: HeaderValue::try_from(cursor.to_string()).ok(),
            ..self
        }
    }
}

impl IntoResponse for Encoded {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        let mut response = ([(header::CONTENT_TYPE, json)], self.body).into_response();
        let optional = [
            (header::LINK, self.link),
            (LAST_EVENT_ID, self.last_event_id),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
