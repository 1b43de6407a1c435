//! What is asked: the opening of a sale. Most look at the list and at tickets, some race for the newest ones, whoever
//! gets one pays for it, and sellers put up more.

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

/// How many people are signed in.
const SHOPPERS: usize = 64;

/// How many of the newest tickets are raced for.
const HOT: usize = 20;

/// When the generator gives up a request that nobody would wait for any more.
const GIVE_UP: Duration = Duration::from_secs(5);

const TICKET: &str = r#"{"title":"Front row","price":19.99}"#;

/// A sale and those who take part in it.
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

/// What a request is for.
enum Wish {
    List,
    Look,
    Buy { buyer: usize },
    Sell,
    Pay,
}

#[derive(Deserialize)]
struct Made {
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
            let (outcome, _) = sale.fulfil(&Wish::Sell).await;
            ensure!(matches!(outcome, Outcome::Good), "no ticket: {outcome:?}");
        }
        Ok(sale)
    }

    /// Asks one thing, chosen as a crowd would, and has it counted.
    pub(super) async fn ask(&self, tally: &Tally) {
        let wish = self.wish();
        let (outcome, took) = self.fulfil(&wish).await;
        tally.ended(outcome, took);
    }

    fn wish(&self) -> Wish {
        let mut random = rand::rng();
        match random.random_range(0..100) {
            0..2 => Wish::Sell,
            2..4 if !locked(&self.unpaid).is_empty() => Wish::Pay,
            4..14 => Wish::Buy {
                buyer: random.random_range(0..self.cookies.len()),
            },
            14..40 => Wish::Look,
            _ => Wish::List,
        }
    }

    async fn fulfil(&self, wish: &Wish) -> (Outcome, Duration) {
        let (request, unpaid) = self.request(wish);
        let begun = Instant::now();
        let answered = timeout(GIVE_UP, self.exchange(request)).await;
        let took = begun.elapsed();
        let answered = answered.unwrap_or_else(|_| Err("no answer".to_owned()));
        let outcome = match answered {
            Ok((status, retry, body)) => self.judge(wish, status, retry, &body),
            Err(how) => Outcome::Failed(how),
        };
        // Whoever was not heard tries again later.
        if let Some(unpaid) = unpaid.filter(|_| !matches!(outcome, Outcome::Good)) {
            locked(&self.unpaid).push_back(unpaid);
        }
        (outcome, took)
    }

    fn request(&self, wish: &Wish) -> (Request<String>, Option<Unpaid>) {
        match wish {
            Wish::List => (self.get("/api/tickets?limit=20"), None),
            Wish::Look => (
                self.get(&format!("/api/tickets/{}", self.hot_ticket())),
                None,
            ),
            Wish::Sell => (
                self.post(self.tickets, "/api/tickets", 0, TICKET.to_owned()),
                None,
            ),
            Wish::Buy { buyer } => {
                let body = format!(r#"{{"ticketId":"{}"}}"#, self.hot_ticket());
                (self.post(self.orders, "/api/orders", *buyer, body), None)
            }
            Wish::Pay => match locked(&self.unpaid).pop_front() {
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
                "broken off"
            };
            kind.to_owned()
        })?;
        let status = response.status();
        let retry = response.headers().contains_key(RETRY_AFTER);
        let body = read(response).await.map_err(|_| "broken off".to_owned())?;
        Ok((status, retry, body))
    }

    /// Whether the answer is what the contract promises; what was made is remembered.
    fn judge(&self, wish: &Wish, status: StatusCode, retry: bool, body: &[u8]) -> Outcome {
        let made = || serde_json::from_slice::<Made>(body).map(|made| made.id);
        match (wish, status.as_u16()) {
            (_, 429 | 503) if retry => return Outcome::Shed,
            // 400 says that somebody else was faster.
            (Wish::List | Wish::Look, 200) | (Wish::Pay, 201) | (Wish::Buy { .. }, 400) => {}
            (Wish::Buy { buyer }, 201) => match made() {
                Ok(order) => {
                    let buyer = *buyer;
                    locked(&self.unpaid).push_back(Unpaid { order, buyer });
                }
                Err(_) => return Outcome::Failed("an order without an id".to_owned()),
            },
            (Wish::Sell, 201) => match made() {
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
