//! The load: requests at a fixed rate, or as fast as so many connections are answered.
//!
//! At a fixed rate each request has a moment at which it is due, and its time is counted from then, whether a connection
//! was free or not: what a shopper waits is counted, and not only what the server says it took (coordinated omission).
//! Moments are kept by a thread of its own, since a timer of the runtime has a grain of a millisecond.

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

/// How many connections a fixed rate is spread over.
const CONNECTIONS: usize = 64;

/// When a request is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// How requests follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many a second, whatever becomes of them.
    Rate(f64),
    /// So many connections, on each of which the next request follows the last one's answer.
    Connections(usize),
}

/// Asks for so long, or until there is no more work, and counts.
pub(crate) async fn drive(work: &Arc<dyn Work>, pace: Pace, time: Duration) -> Result<Step> {
    let (asked, connections) = match pace {
        Pace::Rate(rate) => (Some(rate), CONNECTIONS),
        Pace::Connections(count) => (None, count),
    };
    let schedule = Arc::new(Schedule::begin(asked, time, connections));
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        let (work, schedule) = (Arc::clone(work), Arc::clone(&schedule));
        asking.spawn(async move { ask_again_and_again(&*work, &schedule).await });
    }
    let mut all = Step::empty(asked);
    while let Some(step) = asking.join_next().await {
        all.add(&step.context("a connection's task died")?);
    }
    all.time = begun.elapsed();
    Ok(all)
}

async fn ask_again_and_again(work: &dyn Work, schedule: &Schedule) -> Step {
    let mut step = Step::empty(None);
    let mut connection = Connection::to(work.address());
    while let Some(due) = schedule.next().await {
        let Some(request) = work.request() else {
            return step;
        };
        let answered = timeout(PATIENCE, connection.exchange(request)).await;
        let took = due.elapsed();
        let failed = match answered {
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
                // Its answer may still come, and is not the next one's.
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
    /// When the last one was answered, until then.
    WhenFree { until: Instant },
    /// At its own moment.
    Fixed {
        begun: Instant,
        between: Duration,
        most: u64,
        taken: AtomicU64,
        due: Arc<Semaphore>,
    },
}

impl Schedule {
    fn begin(rate: Option<f64>, time: Duration, connections: usize) -> Self {
        let begun = Instant::now();
        let Some(rate) = rate else {
            return Self::WhenFree {
                until: begun + time,
            };
        };
        let between = Duration::from_secs_f64(1.0 / rate);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates and times are small and positive"
        )]
        let most = (time.as_secs_f64() * rate) as u64;
        let due = Arc::new(Semaphore::new(0));
        let told = Arc::clone(&due);
        std::thread::spawn(move || {
            for number in 0..most {
                let moment = begun + between.mul_f64(number_as_float(number));
                std::thread::sleep(moment.saturating_duration_since(Instant::now()));
                told.add_permits(1);
            }
            // One more each, to find that there is nothing left.
            told.add_permits(connections);
        });
        Self::Fixed {
            begun,
            between,
            most,
            taken: AtomicU64::new(0),
            due,
        }
    }

    /// When the next request was due; `None` when there are no more.
    async fn next(&self) -> Option<Instant> {
        match self {
            Self::WhenFree { until } => Some(Instant::now()).filter(|now| now < until),
            Self::Fixed {
                begun,
                between,
                most,
                taken,
                due,
            } => {
                due.acquire()
                    .await
                    .expect("the semaphore is never closed")
                    .forget();
                let number = taken.fetch_add(1, Ordering::Relaxed);
                (number < *most).then(|| *begun + between.mul_f64(number_as_float(number)))
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number_as_float(number: u64) -> f64 {
    number as f64
}

/// A connection that is made when it is first used, and again when it was lost.
pub(crate) struct Connection {
    to: SocketAddr,
    open: Option<Open>,
}

/// Both ends of what hyper makes of a connection. It is served where it is used: a task of its own would have to be woken
/// for each request, and asking would cost as much as answering.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    served: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
}

impl Connection {
    pub(crate) const fn to(to: SocketAddr) -> Self {
        Self { to, open: None }
    }

    /// The answer, read to its end.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>> {
        // Whoever breaks off leaves none, so that the next one makes a new one.
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
    /// The answer, and whether there can be another one.
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
