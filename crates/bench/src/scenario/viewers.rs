//! 2,000 event streams, each of which continues from the position that came with the list: memory per stream, and the
//! time from a change to its delivery.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use web::LAST_EVENT_ID;

use crate::lab::Lab;
use crate::load::Connection;
use crate::report::{Figure, Outcome};
use crate::seed;
use crate::step::{histogram, microseconds};
use crate::work::request;

const VIEWERS: usize = 2_000;

/// How many streams are opened at once; the service limits that.
const CONCURRENCY: usize = 32;

const CHANGES: usize = 20;

/// The time between two changes, so that the deliveries of two changes do not overlap.
const PAUSE: Duration = Duration::from_millis(100);

/// Limit for the delivery of a change to all viewers.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The beginning of each change's title.
const MARK: &str = "Seen by all ";

/// The number of a change, and when a viewer received it.
type Delivery = (usize, Instant);

pub(super) async fn run(lab: &Lab) -> Result<Outcome> {
    let seller = lab.shopper();
    let ticket = seed::tickets(lab, 1, seller.id).await?[0];
    let address = lab.address("tickets");
    let before = lab
        .working_set_of("tickets")
        .context("no figure of memory")?;
    let (received, mut deliveries) = mpsc::unbounded_channel();
    let mut connection = Connection::to(address);
    let list = request(Method::GET, address, "/api/tickets?limit=20", None, None);
    let list = connection.exchange(list).await?;
    let position = list.headers().get(LAST_EVENT_ID);
    let position = position.context("the list has no position in the stream")?;
    let mut viewers = open(address, position.to_str()?, &received).await?;
    sleep(PAUSE).await;
    let after = lab
        .working_set_of("tickets")
        .context("no figure of memory")?;
    let mut times = histogram();
    for change in 0..CHANGES {
        let body = format!(r#"{{"title":"{MARK}{change:03}","price":19.99}}"#);
        let path = format!("/api/tickets/{ticket}");
        let change_request = request(
            Method::PUT,
            address,
            &path,
            Some(&seller.cookie),
            Some(body),
        );
        let started = Instant::now();
        let status = connection.exchange(change_request).await?.status();
        ensure!(status.is_success(), "not changed: {status}");
        let all = timeout(TIMEOUT, receive(&mut deliveries, change, VIEWERS)).await;
        for at in all.context("not all viewers received a change in time")?? {
            times.saturating_record(microseconds(at - started));
        }
        sleep(PAUSE).await;
    }
    viewers.abort_all();
    let quantile = |quantile| Duration::from_micros(times.value_at_quantile(quantile));
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let each = after.saturating_sub(before) as f64 / VIEWERS as f64;
    let named = |what: &str| format!("{VIEWERS} viewers: {what}");
    Ok(Outcome::of_figures([
        Figure::new(
            "viewers",
            named("working set of the service, per viewer"),
            each,
            "KiB",
        ),
        Figure::seconds(
            "viewers",
            named("from a change to its delivery, p50"),
            quantile(0.5),
        ),
        Figure::seconds(
            "viewers",
            named("from a change to its delivery, p99"),
            quantile(0.99),
        ),
        Figure::seconds(
            "viewers",
            named("from a change to its delivery, maximum"),
            quantile(1.0),
        ),
    ]))
}

/// When each viewer received this change.
async fn receive(
    deliveries: &mut mpsc::UnboundedReceiver<Delivery>,
    change: usize,
    viewers: usize,
) -> Result<Vec<Instant>> {
    let mut arrivals = Vec::with_capacity(viewers);
    while arrivals.len() < viewers {
        let (number, at) = deliveries.recv().await.context("all viewers have ended")?;
        if number == change {
            arrivals.push(at);
        }
    }
    Ok(arrivals)
}

/// Opens all streams from this position, and returns once each has started.
async fn open(
    to: SocketAddr,
    position: &str,
    received: &mpsc::UnboundedSender<Delivery>,
) -> Result<JoinSet<()>> {
    let mut viewers = JoinSet::new();
    for _ in 0..VIEWERS.div_ceil(CONCURRENCY) {
        let connecting =
            (0..CONCURRENCY.min(VIEWERS - viewers.len())).map(|_| connect(to, position));
        for stream in futures::future::try_join_all(connecting).await? {
            let received = received.clone();
            viewers.spawn(async move {
                // It ends when it is aborted, or with the fleet.
                let _ = watch(stream, &received).await;
            });
        }
    }
    Ok(viewers)
}

async fn connect(to: SocketAddr, position: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(to).await?;
    let opening = format!(
        "GET /api/tickets/stream?lastEventId={position} HTTP/1.1\r\nHost: {to}\r\nAccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(opening.as_bytes()).await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    ensure!(
        &head == b"HTTP/1.1 200",
        "{}",
        String::from_utf8_lossy(&head)
    );
    Ok(stream)
}

/// Reports each change when it arrives.
async fn watch(mut stream: TcpStream, received: &mpsc::UnboundedSender<Delivery>) -> Result<()> {
    let mut unread = Vec::new();
    loop {
        if stream.read_buf(&mut unread).await? == 0 {
            return Ok(());
        }
        let at = Instant::now();
        while let Some((number, end)) = next_change(&unread) {
            received.send((number, at))?;
            unread.drain(..end);
        }
        // The last read may have cut a mark in two.
        let old = unread.len().saturating_sub(MARK.len() + DIGITS);
        unread.drain(..old);
    }
}

/// The number of digits of a change's number.
const DIGITS: usize = 3;

/// The number of the first change in the text, and the position after it.
fn next_change(text: &[u8]) -> Option<(usize, usize)> {
    let mark = MARK.as_bytes();
    let at = text.windows(mark.len()).position(|part| part == mark)?;
    let begin = at + mark.len();
    let digits = text.get(begin..begin + DIGITS)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, begin + DIGITS))
}
