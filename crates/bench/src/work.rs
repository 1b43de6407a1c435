//! What is asked: one kind of request again and again.

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
    /// Who is asked.
    fn address(&self) -> SocketAddr;

    /// The next request; `None` when there is nothing left to ask for.
    fn request(&self) -> Option<Request<Full<Bytes>>>;

    /// Whether the answer is what it should be.
    fn is_good(&self, answer: &Response<Bytes>) -> bool {
        answer.status().is_success()
    }

    /// Whether events follow, which belong to it.
    fn has_consequences(&self) -> bool {
        false
    }
}

/// The same page again and again.
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

/// Something that is asked for once for each of these things.
pub(crate) struct Each {
    address: SocketAddr,
    method: Method,
    cookie: String,
    left: Mutex<VecDeque<Wish>>,
    consequences: bool,
}

/// Where, and with which body.
pub(crate) type Wish = (String, String);

impl Each {
    /// All of it is asked for by one shopper.
    pub(crate) fn new(
        address: SocketAddr,
        method: Method,
        shopper: &Shopper,
        wishes: impl IntoIterator<Item = Wish>,
    ) -> Self {
        Self {
            address,
            method,
            cookie: shopper.cookie.clone(),
            left: Mutex::new(wishes.into_iter().collect()),
            consequences: true,
        }
    }

    /// The same without events that follow.
    pub(crate) fn without_consequences(mut self) -> Self {
        self.consequences = false;
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

    fn has_consequences(&self) -> bool {
        self.consequences
    }
}

/// A request of JSON by somebody.
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
    request
        .body(body)
        .expect("paths and cookies are of letters and digits")
}

/// The body of an order of this ticket.
pub(crate) fn order_of(ticket: ObjectId) -> String {
    format!(r#"{{"ticketId":"{ticket}"}}"#)
}
