//! A client of server-sent events.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::http::Api;

/// The limit for the next event. It is longer than the interval of keep-alive comments.
const TIMEOUT: Duration = Duration::from_secs(20);

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSentEvent {
    /// The event's name.
    pub name: String,
    /// The last id, from this event or an earlier one.
    pub id: String,
    /// The data as JSON; null if it is not JSON.
    pub data: Value,
}

/// An open stream of events. Dropping it closes it.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    unread: Vec<u8>,
    id: String,
}

impl EventStream {
    /// Opens the stream at this path, after the event with the id `last`, if any.
    ///
    /// # Panics
    /// If the response is not a stream of events.
    pub async fn open(api: &Api, path: &str, last: Option<&str>) -> Self {
        let response = Self::ask(api, path, last).await;
        let kind = response.headers().get(CONTENT_TYPE);
        let is_stream = kind.is_some_and(|kind| kind.as_bytes() == b"text/event-stream");
        assert!(
            response.status() == 200 && is_stream,
            "no stream: {response:?}"
        );
        Self {
            response,
            unread: Vec::new(),
            id: last.unwrap_or_default().to_owned(),
        }
    }

    /// Requests the stream, and returns any response.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn ask(api: &Api, path: &str, last: Option<&str>) -> Response {
        let mut request = api.request(Method::GET, path);
        if let Some(cookie) = api.cookie() {
            request = request.header(COOKIE, format!("session={cookie}"));
        }
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.send().await.expect("a response")
    }

    /// The headers of the response.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Waits for the next event; `None` if the stream ends.
    ///
    /// # Panics
    /// If neither happens in time.
    pub async fn next(&mut self) -> Option<ServerSentEvent> {
        let next = timeout(TIMEOUT, self.read()).await;
        next.expect("an event or the end of the stream")
    }

    async fn read(&mut self) -> Option<ServerSentEvent> {
        loop {
            while let Some(block) = self.take_block() {
                if let Some(event) = self.event(&block) {
                    return Some(event);
                }
            }
            // A lost connection also ends the stream.
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.unread.extend_from_slice(&chunk);
        }
    }

    fn take_block(&mut self) -> Option<String> {
        let end = self.unread.windows(2).position(|pair| pair == b"\n\n")?;
        let block: Vec<u8> = self.unread.drain(..end + 2).collect();
        Some(String::from_utf8(block).expect("events are UTF-8"))
    }

    /// The event of a block of lines, if it has data.
    fn event(&mut self, block: &str) -> Option<ServerSentEvent> {
        let (mut name, mut data) = (String::new(), None);
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("id", value)) => value.clone_into(&mut self.id),
                Some(("data", value)) => data = Some(value.to_owned()),
                _ => {}
            }
        }
        data.map(|data| ServerSentEvent {
            name,
            id: self.id.clone(),
            data: serde_json::from_str(&data).unwrap_or_default(),
        })
    }
}
