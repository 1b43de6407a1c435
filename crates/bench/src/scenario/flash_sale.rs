//! A sale that many come to at once: 1,000 shoppers for 100 tickets, each told to come back later coming back, and then
//! 10,000 requests for one ticket. Whoever sells fast must still sell each ticket once.

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

/// How many connections ask for the one ticket at once.
const CROWD: usize = 256;

/// How long a shopper who is told to come back later keeps coming.
const PERSISTENCE: Duration = Duration::from_mins(1);

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
    let begun = Instant::now();
    let mut crowd = JoinSet::new();
    for number in 0..SHOPPERS {
        let (shopper, ticket) = (lab.shopper(), tickets[number % TICKETS]);
        crowd.spawn(buy(lab.address("orders"), shopper, ticket));
    }
    let (mut sold, mut times, mut refusals) = (0, histogram(), 0);
    while let Some(told) = crowd.join_next().await {
        let told = told??;
        sold += u64::from(told.bought);
        refusals += told.refused;
        times.saturating_record(microseconds(told.took));
    }
    let took = begun.elapsed();
    let held = lab.collection("orders", "reservations");
    let held = held
        .count_documents(doc! { "_id": { "$in": &tickets } })
        .await?;
    ensure!(
        (sold, held) == (TICKETS as u64, TICKETS as u64),
        "{TICKETS} tickets: {sold} shoppers were told that they have one, {held} are held"
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
        Figure::seconds("flash-sale", format!("{what}: all answered"), took),
        Figure::seconds("flash-sale", format!("{what}: a shopper, half"), median),
        Figure::seconds("flash-sale", format!("{what}: a shopper, last"), last),
        Figure::count(
            "flash-sale",
            format!("{what}: told to come back later"),
            refusals,
        ),
    ])
}

struct Told {
    bought: bool,
    refused: u64,
    took: Duration,
}

/// Asks until told yes or no.
async fn buy(to: SocketAddr, shopper: Shopper, ticket: ObjectId) -> Result<Told> {
    let begun = Instant::now();
    let mut connection = Connection::to(to);
    let mut refused = 0;
    loop {
        let order = Some(order_of(ticket));
        let asked = request(
            Method::POST,
            to,
            "/api/orders",
            Some(&shopper.cookie),
            order,
        );
        let status = connection.exchange(asked).await?.status();
        match status {
            StatusCode::CREATED | StatusCode::BAD_REQUEST => {
                return Ok(Told {
                    bought: status == StatusCode::CREATED,
                    refused,
                    took: begun.elapsed(),
                });
            }
            StatusCode::SERVICE_UNAVAILABLE => refused += 1,
            other => anyhow::bail!("a shopper was told {other}"),
        }
        ensure!(
            begun.elapsed() < PERSISTENCE,
            "a shopper was never answered"
        );
        let pause = rand::rng().random_range(100..1_000);
        sleep(Duration::from_millis(pause)).await;
    }
}

/// So many requests for one ticket.
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
        .run(&work, Pace::Connections(CROWD), PERSISTENCE)
        .await?;
    let (sold, left) = (
        rush.sold.load(Ordering::Relaxed),
        rush.left.load(Ordering::Relaxed),
    );
    ensure!(left == 0, "{left} of {REQUESTS} were not asked in time");
    ensure!(sold == 1, "one ticket was sold {sold} times");
    super::compare::expect_all_good(&step)?;
    let what = format!("{REQUESTS} requests for one ticket, {CROWD} at once");
    let p99 = Duration::from_micros(step.times.value_at_quantile(0.99));
    let services = step.cost(lab.services());
    Ok(vec![
        Figure::count("flash-sale", format!("{what}: sold"), sold),
        Figure::new(
            "flash-sale",
            format!("{what}: answered"),
            step.rate(),
            "a second",
        ),
        Figure::seconds("flash-sale", format!("{what}: p99"), p99),
        Figure::new(
            "flash-sale",
            format!("{what}: services"),
            services,
            "CPU µs each",
        ),
        Figure::count(
            "flash-sale",
            format!("{what}: told to come back later"),
            step.refused,
        ),
    ])
}
