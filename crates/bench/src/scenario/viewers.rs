//! 2,000 browsers that watch the list, from the place that it came with: what each costs in memory, and how long after a
//! change is asked for they see it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::Method;
use service::http::LAST_EVENT_ID;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::lab::Lab;
use crate::load::Connection;
use crate::report::{Figure, Outcome};
use crate::seed;
use crate::step::{histogram, microseconds};
use crate::work::request;

const VIEWERS: usize = 2_000;

/// How many connections are opened at once: opening has a bound of its own in the service.
const AT_ONCE: usize = 32;

const CHANGES: usize = 20;

/// Between two changes, so that none is seen while the last one is still being shown.
const PAUSE: Duration = Duration::from_millis(100);

/// How long all viewers may take to see a change.
const PATIENCE: Duration = Duration::from_secs(20);

/// What each change's title begins with.
const MARK: &str = "Seen by all ";

/// A change that a viewer has seen, and when.
type Seen = (usize, Instant);

pub(super) async fn run(lab: &Lab) -> Result<Outcome> {
    let seller = lab.shopper();
    let ticket = seed::tickets(lab, 1, seller.id).await?[0];
    let address = lab.address("tickets");
    let before = lab
        .working_set_of("tickets")
        .context("no figure of memory")?;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let mut connection = Connection::to(address);
    let list = request(Method::GET, address, "/api/tickets?limit=20", None, None);
    let list = connection.exchange(list).await?;
    let place = list.headers().get(LAST_EVENT_ID);
    let place = place.context("the list has no place in the stream")?;
    let mut viewers = open(address, place.to_str()?, &tell).await?;
    sleep(PAUSE).await;
    let after = lab
        .working_set_of("tickets")
        .context("no figure of memory")?;
    let mut times = histogram();
    for change in 0..CHANGES {
        let body = format!(r#"{{"title":"{MARK}{change:03}","price":19.99}}"#);
        let path = format!("/api/tickets/{ticket}");
        let asked = request(
            Method::PUT,
            address,
            &path,
            Some(&seller.cookie),
            Some(body),
        );
        let begun = Instant::now();
        let status = connection.exchange(asked).await?.status();
        ensure!(status.is_success(), "not changed: {status}");
        let all = timeout(PATIENCE, see(&mut seen, change, VIEWERS)).await;
        for moment in all.context("not all viewers saw a change in time")?? {
            times.saturating_record(microseconds(moment - begun));
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
            named("memory of each, in the service"),
            each,
            "KiB",
        ),
        Figure::seconds(
            "viewers",
            named("from the wish to change to seen, p50"),
            quantile(0.5),
        ),
        Figure::seconds(
            "viewers",
            named("from the wish to change to seen, p99"),
            quantile(0.99),
        ),
        Figure::seconds(
            "viewers",
            named("from the wish to change to seen, last"),
            quantile(1.0),
        ),
    ]))
}

/// When each viewer saw this change.
async fn see(
    seen: &mut mpsc::UnboundedReceiver<Seen>,
    change: usize,
    viewers: usize,
) -> Result<Vec<Instant>> {
    let mut moments = Vec::with_capacity(viewers);
    while moments.len() < viewers {
        let (number, moment) = seen.recv().await.context("the viewers are gone")?;
        if number == change {
            moments.push(moment);
        }
    }
    Ok(moments)
}

/// Opens all streams from this place, and returns once each has begun.
async fn open(
    to: SocketAddr,
    place: &str,
    tell: &mpsc::UnboundedSender<Seen>,
) -> Result<JoinSet<()>> {
    let mut viewers = JoinSet::new();
    for _ in 0..VIEWERS.div_ceil(AT_ONCE) {
        let connecting = (0..AT_ONCE.min(VIEWERS - viewers.len())).map(|_| connect(to, place));
        for stream in futures::future::try_join_all(connecting).await? {
            let tell = tell.clone();
            viewers.spawn(async move {
                // It ends when it is given up, or with the fleet.
                let _ = watch(stream, &tell).await;
            });
        }
    }
    Ok(viewers)
}

async fn connect(to: SocketAddr, place: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(to).await?;
    let asked = format!(
        "GET /api/tickets/stream?lastEventId={place} HTTP/1.1\r\nHost: {to}\r\nAccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    ensure!(
        &head == b"HTTP/1.1 200",
        "{}",
        String::from_utf8_lossy(&head)
    );
    Ok(stream)
}

/// Tells of each change when it is seen.
async fn watch(mut stream: TcpStream, tell: &mpsc::UnboundedSender<Seen>) -> Result<()> {
    let mut unread = Vec::new();
    loop {
        if stream.read_buf(&mut unread).await? == 0 {
            return Ok(());
        }
        let moment = Instant::now();
        while let Some((number, end)) = next_change(&unread) {
            tell.send((number, moment))?;
            unread.drain(..end);
        }
        // A mark may have been cut in two.
        let old = unread.len().saturating_sub(MARK.len() + DIGITS);
        unread.drain(..old);
    }
}

/// How many digits a change's number has.
const DIGITS: usize = 3;

/// The number of the first change in there, and where it ends.
fn next_change(text: &[u8]) -> Option<(usize, usize)> {
    let mark = MARK.as_bytes();
    let at = text.windows(mark.len()).position(|part| part == mark)?;
    let begin = at + mark.len();
    let digits = text.get(begin..begin + DIGITS)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, begin + DIGITS))
}
