//! Answers that are written once and given to many.

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::LAST_EVENT_ID;
use messaging::feed::EventId;

/// An answer in JSON, of which a copy costs nothing.
#[derive(Debug, Clone)]
pub struct Encoded {
    body: Bytes,
    link: Option<HeaderValue>,
    place: Option<HeaderValue>,
}

impl Encoded {
    /// The answer that says `value`.
    ///
    /// # Panics
    ///
    /// If it is none of JSON's values, as a map is whose keys are no text. What an API answers always is one.
    #[must_use]
    pub fn json(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("answers are JSON");
        Self {
            body: body.into(),
            link: None,
            place: None,
        }
    }

    /// With the `Link` header, if there is one.
    #[must_use]
    pub(super) fn with_link(self, link: Option<HeaderValue>) -> Self {
        Self { link, ..self }
    }

    /// With the place in the feed from which a client goes on that shows it, in `Last-Event-ID`. It must be one from
    /// before the answer was read.
    #[must_use]
    pub fn with_place(self, place: EventId) -> Self {
        let place = HeaderValue::try_from(place.to_string()).ok();
        Self { place, ..self }
    }
}

impl IntoResponse for Encoded {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        let mut response = ([(header::CONTENT_TYPE, json)], self.body).into_response();
        let more = [(header::LINK, self.link), (LAST_EVENT_ID, self.place)];
        for (name, value) in more {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
