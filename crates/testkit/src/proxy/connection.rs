//! One connection through a proxy.
//!
//! In each direction somebody reads and somebody writes, with a short queue between them, so that bytes that are
//! under way for a while (on a delayed link) do not keep those behind them from starting. Ends and breaks take the
//! same way as bytes, and so stay behind what was sent before them.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Condition, State};

/// How much one read takes at most.
const CHUNK: usize = 16 * 1024;

/// How many chunks are under way in one direction at most.
const UNDER_WAY: usize = 64;

/// What was read and when. Nothing is the end of the stream.
struct Chunk {
    bytes: io::Result<Vec<u8>>,
    read: Instant,
}

/// Connects the client with the target until both have ended, one of them breaks, or the link is cut.
pub(super) async fn carry(
    client: TcpStream,
    target: SocketAddr,
    mut state: watch::Receiver<State>,
) {
    let cut = until_cut(state.clone());
    let mut client = Socket::new(client);
    tokio::select! {
        biased;
        () = cut => {}
        // Whichever way it ended, the sockets say it to those at their other ends.
        _ = through(&mut client, target, &mut state) => {}
    }
}

/// Waits for a cut, even one that was over before anybody looked.
async fn until_cut(mut state: watch::Receiver<State>) {
    let before = state.borrow().cuts;
    // An error means that the proxy is gone.
    let _ = state
        .wait_for(|state| state.condition == Condition::Cut || state.cuts != before)
        .await;
}

/// As [`carry`], on a link that nobody cuts.
async fn through(
    client: &mut Socket,
    target: SocketAddr,
    state: &mut watch::Receiver<State>,
) -> io::Result<()> {
    arrive(Instant::now(), state).await;
    let mut server = Socket::new(TcpStream::connect(target).await?);
    let (from_client, to_client) = client.stream.split();
    let (from_server, to_server) = server.stream.split();
    tokio::try_join!(
        one_way(from_client, to_server, state.clone()),
        one_way(from_server, to_client, state.clone()),
    )?;
    client.ended = true;
    server.ended = true;
    Ok(())
}

/// Carries everything that comes from one to the other, its end included.
async fn one_way(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    let (sender, chunks) = mpsc::channel(UNDER_WAY);
    tokio::try_join!(take(from, sender), deliver(chunks, to, state))?;
    Ok(())
}

async fn take(mut from: ReadHalf<'_>, chunks: mpsc::Sender<Chunk>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = from.read(&mut buffer).await;
        let read = Instant::now();
        let bytes = length.map(|length| buffer[..length].to_vec());
        let is_last = bytes.as_ref().map_or(true, Vec::is_empty);
        // Who delivers ends early only by an error of its own, and that is the one to tell.
        if chunks.send(Chunk { bytes, read }).await.is_err() || is_last {
            return Ok(());
        }
    }
}

async fn deliver(
    mut chunks: mpsc::Receiver<Chunk>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    while let Some(chunk) = chunks.recv().await {
        arrive(chunk.read, &mut state).await;
        let bytes = chunk.bytes?;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}

/// Returns when that which set out at this time has arrived, as the link is by then.
async fn arrive(set_out: Instant, state: &mut watch::Receiver<State>) {
    loop {
        let condition = state.borrow_and_update().condition;
        let due = match condition {
            Condition::Open => return,
            Condition::Delayed(by) => Some(set_out + by),
            Condition::Stalled | Condition::Cut => None,
        };
        let due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // An error means that the proxy is gone, and this task with it.
            _ = state.changed() => {}
            () = due => return,
        }
    }
}

/// A stream that is reset when it is dropped, unless it ended in order.
struct Socket {
    stream: TcpStream,
    ended: bool,
}

impl Socket {
    fn new(stream: TcpStream) -> Self {
        // An error means that it is broken already, which the first read tells too.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            ended: false,
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if !self.ended {
            // As above.
            let _ = self.stream.set_zero_linger();
        }
    }
}
