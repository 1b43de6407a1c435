//! The load generator: an open loop with a fixed rate, or a closed loop with a fixed number of connections.
//!
//! In the open loop each request is due at a fixed time, and its latency is measured from then, whether a connection
//! was free or not. Latency thus includes the time that a shopper waits, not only the server's part (no coordinated
//! omission). A thread of its own keeps time, since the runtime's timers have a resolution of a millisecond.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::{Either, select};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::step::{Step, microseconds};
use crate::work::Work;

/// The number of connections of the open loop.
const CONNECTIONS: usize = 64;

/// After this time a request has failed.
const TIMEOUT: Duration = Duration::from_secs(20);

/// When requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Open loop: this many per second.
    Rate(f64),
    /// Closed loop: on each of this many connections, the next request follows the last response.
    Connections(usize),
}

/// Sends requests for this long or until no work is left, and measures.
pub(crate) async fn drive(work: &Arc<dyn Work>, pace: Pace, time: Duration) -> Result<Step> {
    let (rate, connections) = match pace {
        Pace::Rate(rate) => (Some(rate), CONNECTIONS),
        Pace::Connections(count) => (None, count),
    };
    let schedule = Arc::new(Schedule::start(rate, time, connections));
    let started = Instant::now();
    let mut sending = JoinSet::new();
    for _ in 0..connections {
        let (work, schedule) = (Arc::clone(work), Arc::clone(&schedule));
        sending.spawn(async move { send_requests(&*work, &schedule).await });
    }
    let mut all = Step::empty(rate);
    while let Some(step) = sending.join_next().await {
        all.add(&step.context("a connection's task panicked")?);
    }
    all.time = started.elapsed();
    Ok(all)
}

async fn send_requests(work: &dyn Work, schedule: &Schedule) -> Step {
    let mut step = Step::empty(None);
    let mut connection = Connection::to(work.address());
    while let Some(due) = schedule.next().await {
        let Some(request) = work.request() else {
            return step;
        };
        let response = timeout(TIMEOUT, connection.exchange(request)).await;
        let took = due.elapsed();
        let failed = match response {
            Ok(Ok(answer)) if work.is_good(&answer) => {
                step.times.saturating_record(microseconds(took));
                continue;
            }
            Ok(Ok(answer)) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                step.refused += 1;
                continue;
            }
            Ok(Ok(answer)) => answer.status().as_u16().to_string(),
            Ok(Err(_)) => "broken off".to_owned(),
            Err(_) => {
                // A late response must not be taken for the next one.
                connection = Connection::to(work.address());
                "no answer".to_owned()
            }
        };
        *step.failed.entry(failed).or_default() += 1;
    }
    step
}

/// When the next request is due.
enum Schedule {
    /// As soon as a connection is free, until this time.
    WhenFree { until: Instant },
    /// At a fixed rate.
    Fixed {
        started: Instant,
        between: Duration,
        limit: u64,
        taken: AtomicU64,
        due: Arc<Semaphore>,
    },
}

impl Schedule {
    fn start(rate: Option<f64>, time: Duration, connections: usize) -> Self {
        let started = Instant::now();
        let Some(rate) = rate else {
            return Self::WhenFree {
                until: started + time,
            };
        };
        let between = Duration::from_secs_f64(1.0 / rate);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates and times are small and positive"
        )]
        let limit = (time.as_secs_f64() * rate) as u64;
        let due = Arc::new(Semaphore::new(0));
        let permits = Arc::clone(&due);
        std::thread::spawn(move || {
            for number in 0..limit {
                let due_at = started + between.mul_f64(number_as_float(number));
                std::thread::sleep(due_at.saturating_duration_since(Instant::now()));
                permits.add_permits(1);
            }
            // One permit more for each connection, which then finds that no request is left.
            permits.add_permits(connections);
        });
        Self::Fixed {
            started,
            between,
            limit,
            taken: AtomicU64::new(0),
            due,
        }
    }

    /// Waits for the next request and returns when it was due; `None` when no request is left.
    async fn next(&self) -> Option<Instant> {
        match self {
            Self::WhenFree { until } => Some(Instant::now()).filter(|now| now < until),
            Self::Fixed {
                started,
                between,
                limit,
                taken,
                due,
            } => {
                due.acquire()
                    .await
                    .expect("the semaphore is never closed")
                    .forget();
                let number = taken.fetch_add(1, Ordering::Relaxed);
                (number < *limit).then(|| *started + between.mul_f64(number_as_float(number)))
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number_as_float(number: u64) -> f64 {
    number as f64
}

/// A connection that is opened at the first request, and again after it was lost.
pub(crate) struct Connection {
    to: SocketAddr,
    open: Option<Open>,
}

/// Both halves of hyper's client connection. The task that sends also drives the connection: waking another task for
/// each request would cost as much as the request itself.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    served: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
}

impl Connection {
    pub(crate) const fn to(to: SocketAddr) -> Self {
        Self { to, open: None }
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>> {
        // If this future is dropped, no connection remains and the next request opens a new one.
        let mut open = match self.open.take() {
            Some(open) => open,
            None => connect(self.to).await?,
        };
        let (answered, is_open) = open.exchange(request).await;
        self.open = is_open.then_some(open);
        answered
    }
}

impl Open {
    /// Returns the response and whether the connection is still usable.
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> (Result<Response<Bytes>>, bool) {
        let Self { sender, served } = self;
        let answer = pin!(async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        });
        match select(answer, served).await {
            Either::Left((answered, _)) => (answered, true),
            Either::Right((_, answer)) => (answer.await, false),
        }
    }
}

async fn connect(to: SocketAddr) -> Result<Open> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (sender, served) = http1::handshake(TokioIo::new(stream)).await?;
    Ok(Open { sender, served })
}
