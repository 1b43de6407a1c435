//! A flash sale: 1,000 shoppers order 100 tickets and retry after a 503, then 10,000 requests order one ticket. Each
//! ticket must be sold exactly once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bson::doc;
use bson::oid::ObjectId;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use rand::RngExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::lab::{Lab, Shopper};
use crate::load::{Connection, Pace};
use crate::original;
use crate::report::{Figure, Outcome};
use crate::seed;
use crate::step::{histogram, microseconds};
use crate::work::{Work, order_of, request};

const SHOPPERS: usize = 1_000;
const TICKETS: usize = 100;
const REQUESTS: u64 = 10_000;

/// The number of connections that order the one ticket.
const CROWD: usize = 256;

/// How long a shopper retries.
const RETRY_LIMIT: Duration = Duration::from_mins(1);

pub(super) async fn run(lab: &Lab) -> Result<Outcome> {
    let first = crowd_for_few(lab).await?;
    lab.settle().await?;
    let second = crowd_for_one(lab).await?;
    lab.settle().await?;
    Ok(Outcome::of_figures(first.into_iter().chain(second)))
}

async fn crowd_for_few(lab: &Lab) -> Result<Vec<Figure>> {
    let tickets = seed::tickets(lab, TICKETS, ObjectId::new()).await?;
    lab.settle().await?;
    let started = Instant::now();
    let mut crowd = JoinSet::new();
    for number in 0..SHOPPERS {
        let (shopper, ticket) = (lab.shopper(), tickets[number % TICKETS]);
        crowd.spawn(buy(lab.address("orders"), shopper, ticket));
    }
    let (mut sold, mut times, mut refusals) = (0, histogram(), 0);
    while let Some(purchase) = crowd.join_next().await {
        let purchase = purchase??;
        sold += u64::from(purchase.bought);
        refusals += purchase.refused;
        times.saturating_record(microseconds(purchase.took));
    }
    let took = started.elapsed();
    let held = lab.collection("orders", "reservations");
    let held = held
        .count_documents(doc! { "_id": { "$in": &tickets } })
        .await?;
    ensure!(
        (sold, held) == (TICKETS as u64, TICKETS as u64),
        "{TICKETS} tickets: {sold} orders were confirmed, {held} tickets are reserved"
    );
    let what = format!("{SHOPPERS} shoppers, {TICKETS} tickets");
    let median = Duration::from_micros(times.value_at_quantile(0.5));
    let last = Duration::from_micros(times.max());
    Ok(vec![
        Figure::new(
            "flash-sale",
            format!("{what}: sold"),
            f64::from(u32::try_from(sold)?),
            "tickets",
        )
        .original(original::SOLD),
        Figure::seconds("flash-sale", format!("{what}: all shoppers done"), took),
        Figure::seconds(
            "flash-sale",
            format!("{what}: time per shopper, p50"),
            median,
        ),
        Figure::seconds(
            "flash-sale",
            format!("{what}: time per shopper, maximum"),
            last,
        ),
        Figure::count("flash-sale", format!("{what}: 503 responses"), refusals),
    ])
}

struct Purchase {
    bought: bool,
    refused: u64,
    took: Duration,
}

/// Orders until the ticket is bought or sold to another shopper.
async fn buy(to: SocketAddr, shopper: Shopper, ticket: ObjectId) -> Result<Purchase> {
    let started = Instant::now();
    let mut connection = Connection::to(to);
    let mut refused = 0;
    loop {
        let order = Some(order_of(ticket));
        let attempt = request(
            Method::POST,
            to,
            "/api/orders",
            Some(&shopper.cookie),
            order,
        );
        let status = connection.exchange(attempt).await?.status();
        match status {
            StatusCode::CREATED | StatusCode::BAD_REQUEST => {
                return Ok(Purchase {
                    bought: status == StatusCode::CREATED,
                    refused,
                    took: started.elapsed(),
                });
            }
            StatusCode::SERVICE_UNAVAILABLE => refused += 1,
            other => anyhow::bail!("a shopper received {other}"),
        }
        ensure!(
            started.elapsed() < RETRY_LIMIT,
            "a shopper received no answer"
        );
        let pause = rand::rng().random_range(100..1_000);
        sleep(Duration::from_millis(pause)).await;
    }
}

/// A number of requests for one ticket.
struct Rush {
    to: SocketAddr,
    shopper: Shopper,
    ticket: ObjectId,
    left: AtomicU64,
    sold: AtomicU64,
}

impl Work for Rush {
    fn address(&self) -> SocketAddr {
        self.to
    }

    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let fewer = |left: u64| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        taken.ok()?;
        let (cookie, order) = (Some(self.shopper.cookie.as_str()), order_of(self.ticket));
        Some(request(
            Method::POST,
            self.to,
            "/api/orders",
            cookie,
            Some(order),
        ))
    }

    fn is_good(&self, answer: &Response<Bytes>) -> bool {
        let status = answer.status();
        if status == StatusCode::CREATED {
            self.sold.fetch_add(1, Ordering::Relaxed);
        }
        matches!(status, StatusCode::CREATED | StatusCode::BAD_REQUEST)
    }
}

async fn crowd_for_one(lab: &Lab) -> Result<Vec<Figure>> {
    let rush = Arc::new(Rush {
        to: lab.address("orders"),
        shopper: lab.shopper(),
        ticket: seed::tickets(lab, 1, ObjectId::new()).await?[0],
        left: AtomicU64::new(REQUESTS),
        sold: AtomicU64::new(0),
    });
    lab.settle().await?;
    let work: Arc<dyn Work> = rush.clone();
    let step = lab
        .run(&work, Pace::Connections(CROWD), RETRY_LIMIT)
        .await?;
    let (sold, left) = (
        rush.sold.load(Ordering::Relaxed),
        rush.left.load(Ordering::Relaxed),
    );
    ensure!(
        left == 0,
        "{left} of {REQUESTS} requests were not sent in time"
    );
    ensure!(sold == 1, "one ticket was sold {sold} times");
    super::compare::expect_all_good(&step)?;
    let what = format!("{REQUESTS} requests for one ticket, {CROWD} connections");
    let p99 = Duration::from_micros(step.times.value_at_quantile(0.99));
    let services = step.cost(lab.services());
    Ok(vec![
        Figure::count("flash-sale", format!("{what}: sold"), sold),
        Figure::new(
            "flash-sale",
            format!("{what}: rate"),
            step.rate(),
            "per second",
        ),
        Figure::seconds("flash-sale", format!("{what}: p99"), p99),
        Figure::new(
            "flash-sale",
            format!("{what}: services"),
            services,
            "CPU µs per request",
        ),
        Figure::count("flash-sale", format!("{what}: 503 responses"), step.refused),
    ])
}
