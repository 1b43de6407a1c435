//! The requests that a load consists of.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use bson::oid::ObjectId;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST};
use hyper::{Method, Request, Response};

use crate::lab::Shopper;

/// One kind of request.
pub(crate) trait Work: Send + Sync + 'static {
    /// The address that requests are sent to.
    fn address(&self) -> SocketAddr;

    /// The next request; `None` when no work is left.
    fn request(&self) -> Option<Request<Full<Bytes>>>;

    /// Whether the response is as expected.
    fn is_good(&self, answer: &Response<Bytes>) -> bool {
        answer.status().is_success()
    }

    /// Whether requests cause events, whose handling is part of the work.
    fn causes_events(&self) -> bool {
        false
    }
}

/// Reads of one page.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) cookie: Option<String>,
}

impl Work for Read {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let cookie = self.cookie.as_deref();
        Some(request(Method::GET, self.address, &self.path, cookie, None))
    }
}

/// One request for each target.
pub(crate) struct Each {
    address: SocketAddr,
    method: Method,
    cookie: String,
    left: Mutex<VecDeque<Target>>,
    causes_events: bool,
}

/// The path and the body of a request.
pub(crate) type Target = (String, String);

impl Each {
    /// All requests are sent by one shopper.
    pub(crate) fn new(
        address: SocketAddr,
        method: Method,
        shopper: &Shopper,
        targets: impl IntoIterator<Item = Target>,
    ) -> Self {
        Self {
            address,
            method,
            cookie: shopper.cookie.clone(),
            left: Mutex::new(targets.into_iter().collect()),
            causes_events: true,
        }
    }

    /// Does not wait for the events that the requests cause.
    pub(crate) fn without_events(mut self) -> Self {
        self.causes_events = false;
        self
    }
}

impl Work for Each {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, body) = left.pop_front()?;
        let (method, cookie) = (self.method.clone(), Some(self.cookie.as_str()));
        Some(request(method, self.address, &path, cookie, Some(body)))
    }

    fn causes_events(&self) -> bool {
        self.causes_events
    }
}

/// A request, with a JSON body if there is one.
pub(crate) fn request(
    method: Method,
    to: SocketAddr,
    path: &str,
    cookie: Option<&str>,
    body: Option<String>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, to.to_string());
    if let Some(cookie) = cookie {
        request = request.header(COOKIE, cookie);
    }
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let body = Full::new(Bytes::from(body.unwrap_or_default()));
    request.body(body).expect("paths and cookies are ASCII")
}

/// The body of an order of this ticket.
pub(crate) fn order_of(ticket: ObjectId) -> String {
    format!(r#"{{"ticketId":"{ticket}"}}"#)
}
