//! The requests: the opening of a sale. Most shoppers read the list and tickets, some compete for the newest ones,
//! those who get one pay for it, and sellers create more.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, COOKIE, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rand::RngExt;
use serde::Deserialize;
use testkit::{Fleet, session_cookie};
use tokio::time::timeout;

use super::tally::{Outcome, Tally};

/// The number of accounts.
const SHOPPERS: usize = 64;

/// How many of the newest tickets shoppers compete for.
const HOT: usize = 20;

/// How long the generator waits for a response.
const TIMEOUT: Duration = Duration::from_secs(5);

const TICKET: &str = r#"{"title":"Front row","price":19.99}"#;

/// A sale and its shoppers.
pub(super) struct Sale {
    http: Client<HttpConnector, String>,
    tickets: SocketAddr,
    orders: SocketAddr,
    payments: SocketAddr,
    /// The value of each shopper's `Cookie` header.
    cookies: Vec<String>,
    newest: Mutex<VecDeque<String>>,
    unpaid: Mutex<VecDeque<Unpaid>>,
}

/// An order to be paid for.
struct Unpaid {
    order: String,
    buyer: usize,
}

/// The kinds of requests.
enum Action {
    List,
    Show,
    Buy { buyer: usize },
    Sell,
    Pay,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

impl Sale {
    /// Opens a sale with some tickets.
    pub(super) async fn open(fleet: &Fleet) -> Result<Self> {
        let address = |service| fleet.service(service)[0].address();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let cookies = (0..SHOPPERS).map(|_| {
            let id = mongo::new_id();
            let cookie = session_cookie(fleet.jwt_key(), id, &format!("{id}@example.com"));
            format!("session={cookie}")
        });
        let sale = Self {
            http: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector),
            tickets: address("tickets"),
            orders: address("orders"),
            payments: address("payments"),
            cookies: cookies.collect(),
            newest: Mutex::default(),
            unpaid: Mutex::default(),
        };
        for _ in 0..HOT {
            let (outcome, _) = sale.perform(&Action::Sell).await;
            ensure!(matches!(outcome, Outcome::Good), "no ticket: {outcome:?}");
        }
        Ok(sale)
    }

    /// Sends a request of a random kind, and counts its outcome.
    pub(super) async fn send(&self, tally: &Tally) {
        let action = self.action();
        let (outcome, took) = self.perform(&action).await;
        tally.ended(outcome, took);
    }

    fn action(&self) -> Action {
        let mut random = rand::rng();
        match random.random_range(0..100) {
            0..2 => Action::Sell,
            2..4 if !locked(&self.unpaid).is_empty() => Action::Pay,
            4..14 => Action::Buy {
                buyer: random.random_range(0..self.cookies.len()),
            },
            14..40 => Action::Show,
            _ => Action::List,
        }
    }

    async fn perform(&self, action: &Action) -> (Outcome, Duration) {
        let (request, unpaid) = self.request(action);
        let begun = Instant::now();
        let response = timeout(TIMEOUT, self.exchange(request)).await;
        let took = begun.elapsed();
        let response = response.unwrap_or_else(|_| Err("no response".to_owned()));
        let outcome = match response {
            Ok((status, retry, body)) => self.judge(action, status, retry, &body),
            Err(reason) => Outcome::Failed(reason),
        };
        // A failed payment is tried again later.
        if let Some(unpaid) = unpaid.filter(|_| !matches!(outcome, Outcome::Good)) {
            locked(&self.unpaid).push_back(unpaid);
        }
        (outcome, took)
    }

    fn request(&self, action: &Action) -> (Request<String>, Option<Unpaid>) {
        match action {
            Action::List => (self.get("/api/tickets?limit=20"), None),
            Action::Show => (
                self.get(&format!("/api/tickets/{}", self.hot_ticket())),
                None,
            ),
            Action::Sell => (
                self.post(self.tickets, "/api/tickets", 0, TICKET.to_owned()),
                None,
            ),
            Action::Buy { buyer } => {
                let body = format!(r#"{{"ticketId":"{}"}}"#, self.hot_ticket());
                (self.post(self.orders, "/api/orders", *buyer, body), None)
            }
            Action::Pay => match locked(&self.unpaid).pop_front() {
                None => (self.get("/api/tickets?limit=20"), None),
                Some(unpaid) => {
                    let body = format!(r#"{{"token":"tok_visa","orderId":"{}"}}"#, unpaid.order);
                    let request = self.post(self.payments, "/api/payments", unpaid.buyer, body);
                    (request, Some(unpaid))
                }
            },
        }
    }

    fn get(&self, path: &str) -> Request<String> {
        request(Method::GET, self.tickets, path)
            .body(String::new())
            .expect("a path of letters and digits")
    }

    fn post(&self, to: SocketAddr, path: &str, who: usize, body: String) -> Request<String> {
        request(Method::POST, to, path)
            .header(COOKIE, &self.cookies[who])
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .expect("a cookie of letters and digits")
    }

    fn hot_ticket(&self) -> String {
        let newest = locked(&self.newest);
        let chosen = rand::rng().random_range(0..newest.len().max(1));
        newest.get(chosen).cloned().unwrap_or_default()
    }

    async fn exchange(
        &self,
        request: Request<String>,
    ) -> Result<(StatusCode, bool, Vec<u8>), String> {
        let response = self.http.request(request).await;
        let response = response.map_err(|error| {
            let kind = if error.is_connect() {
                "no connection"
            } else {
                "connection broken"
            };
            kind.to_owned()
        })?;
        let status = response.status();
        let retry = response.headers().contains_key(RETRY_AFTER);
        let body = read(response)
            .await
            .map_err(|_| "connection broken".to_owned())?;
        Ok((status, retry, body))
    }

    /// Whether the response is valid by the contract. Remembers what was created.
    fn judge(&self, action: &Action, status: StatusCode, retry: bool, body: &[u8]) -> Outcome {
        let id = || serde_json::from_slice::<Created>(body).map(|created| created.id);
        match (action, status.as_u16()) {
            (_, 429 | 503) if retry => return Outcome::Shed,
            // 400 means that the ticket is already reserved.
            (Action::List | Action::Show, 200) | (Action::Pay, 201) | (Action::Buy { .. }, 400) => {
            }
            (Action::Buy { buyer }, 201) => match id() {
                Ok(order) => {
                    let buyer = *buyer;
                    locked(&self.unpaid).push_back(Unpaid { order, buyer });
                }
                Err(_) => return Outcome::Failed("an order without an id".to_owned()),
            },
            (Action::Sell, 201) => match id() {
                Ok(ticket) => {
                    let mut newest = locked(&self.newest);
                    newest.push_back(ticket);
                    if newest.len() > HOT {
                        newest.pop_front();
                    }
                }
                Err(_) => return Outcome::Failed("a ticket without an id".to_owned()),
            },
            (_, other) => return Outcome::Failed(other.to_string()),
        }
        Outcome::Good
    }
}

fn request(method: Method, to: SocketAddr, path: &str) -> hyper::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("http://{to}{path}"))
}

async fn read(response: Response<Incoming>) -> Result<Vec<u8>, hyper::Error> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
