//! One connection through a proxy.
//!
//! Each direction has a reader and a writer with a queue between them, so that delayed bytes do not delay the bytes
//! behind them further. Closes and errors pass through the same queue, so they stay in order.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Condition, State};

/// The limit of bytes for each read.
const CHUNK: usize = 16 * 1024;

/// The limit of queued chunks in each direction.
const QUEUED: usize = 64;

/// The bytes of a read, and its time. Empty bytes are the end of the stream.
struct Chunk {
    bytes: io::Result<Vec<u8>>,
    read: Instant,
}

/// Forwards between the client and the target until both have closed, one fails, or the link is cut.
pub(super) async fn forward(
    client: TcpStream,
    target: SocketAddr,
    mut state: watch::Receiver<State>,
) {
    let cut = until_cut(state.clone());
    let mut client = Socket::new(client);
    tokio::select! {
        biased;
        () = cut => {}
        // The sockets pass the outcome on when they are dropped.
        _ = forward_uncut(&mut client, target, &mut state) => {}
    }
}

/// Waits for a cut, even for one that is already over.
async fn until_cut(mut state: watch::Receiver<State>) {
    let before = state.borrow().cuts;
    // An error means that the proxy was dropped.
    let _ = state
        .wait_for(|state| state.condition == Condition::Cut || state.cuts != before)
        .await;
}

/// As [`forward`], without cuts.
async fn forward_uncut(
    client: &mut Socket,
    target: SocketAddr,
    state: &mut watch::Receiver<State>,
) -> io::Result<()> {
    wait_to_pass(Instant::now(), state).await;
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

/// Forwards one direction, including its end.
async fn one_way(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    let (sender, chunks) = mpsc::channel(QUEUED);
    tokio::try_join!(read(from, sender), write(chunks, to, state))?;
    Ok(())
}

async fn read(mut from: ReadHalf<'_>, chunks: mpsc::Sender<Chunk>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = from.read(&mut buffer).await;
        let read = Instant::now();
        let bytes = length.map(|length| buffer[..length].to_vec());
        let is_last = bytes.as_ref().map_or(true, Vec::is_empty);
        // The writer ends early only with its own error, which is reported instead.
        if chunks.send(Chunk { bytes, read }).await.is_err() || is_last {
            return Ok(());
        }
    }
}

async fn write(
    mut chunks: mpsc::Receiver<Chunk>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    while let Some(chunk) = chunks.recv().await {
        wait_to_pass(chunk.read, &mut state).await;
        let bytes = chunk.bytes?;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}

/// Waits until bytes that were read at this time may pass, following changes of the condition.
async fn wait_to_pass(read: Instant, state: &mut watch::Receiver<State>) {
    loop {
        let condition = state.borrow_and_update().condition;
        let due = match condition {
            Condition::Open => return,
            Condition::Delayed(by) => Some(read + by),
            Condition::Stalled | Condition::Cut => None,
        };
        let due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // An error means that the proxy was dropped, which ends this task.
            _ = state.changed() => {}
            () = due => return,
        }
    }
}

/// A stream that is reset when it is dropped, unless both directions were closed.
struct Socket {
    stream: TcpStream,
    ended: bool,
}

impl Socket {
    fn new(stream: TcpStream) -> Self {
        // An error means that the stream has failed, which the first read reports.
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
