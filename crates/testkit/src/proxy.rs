//! A TCP proxy on loopback between a process and one of its dependencies, for injecting network faults.
//!
//! Each process has its own proxy for each dependency, so that a fault can affect one replica only. The proxy does not
//! read the bytes that it forwards, and buffers a bounded number of them: a reader that stops reading stops its writer,
//! as on a direct connection. See [`connection`].

mod connection;
mod dependency;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

pub use dependency::Dependency;

/// The pause after an error, which is usually a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The condition of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Condition {
    /// Everything passes.
    #[default]
    Open,
    /// Connections are reset, and so are new ones.
    Cut,
    /// Connections stay open and new ones are accepted, but nothing passes in either direction. Bytes, closes and new
    /// connections wait until the link is open again, even if their sender has disconnected meanwhile.
    Stalled,
    /// Everything passes with this delay, in both directions and in order.
    Delayed(Duration),
}

/// The state that connections watch.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    condition: Condition,
    /// Counts the cuts, so that a cut that ends at once still resets every connection.
    cuts: u64,
}

/// A link. Dropping it closes it and all its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    _serving: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Starts an open link to the target. While the target is down, connections are reset.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("no port for a proxy")?;
        let address = listener.local_addr().context("a bound socket")?;
        let (state, watched) = watch::channel(State::default());
        let serving = tokio::spawn(serve(listener, target, watched));
        Ok(Self {
            address,
            state,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// The address for the process to connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the condition, also for open connections.
    pub fn set(&self, condition: Condition) {
        self.state.send_modify(|state| {
            state.condition = condition;
            state.cuts += u64::from(condition == Condition::Cut);
        });
    }

    /// The current condition.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.state.borrow().condition
    }
}

/// Accepts connections forever. Ending this task ends all connections.
async fn serve(listener: TcpListener, target: SocketAddr, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(connection::forward(client, target, state.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a proxy cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
