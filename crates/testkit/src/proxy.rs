//! A link that can fail: a TCP proxy on loopback between one process and one of its dependencies.
//!
//! Each process gets a proxy of its own for each dependency, so a fault can hit one replica and spare its neighbour.
//! What passes is never looked into. How one connection is carried is the matter of [`connection`]; the proxy never
//! holds more than a bounded number of its bytes, so a reader that stops reading stops its writer, as without a proxy.

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

/// Until the process has a file descriptor to spare again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Condition {
    /// Everything passes.
    #[default]
    Open,
    /// Connections are reset, and new ones at once.
    Cut,
    /// Connections stay open and new ones are taken, but nothing passes in either direction: bytes, ends and new
    /// connections wait, and pass when the link is open again, even if who sent them has given up meanwhile.
    Stalled,
    /// Everything passes this much later, in both directions and in order.
    Delayed(Duration),
}

/// What connections watch.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    condition: Condition,
    /// How often the link was cut: a connection that did not see a short cut is to be reset all the same.
    cuts: u64,
}

/// A link. Dropping it ends it, and all its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    _serving: AbortOnDropHandle<()>,
}

impl Proxy {
    /// An open link to the target, which may be down, now or later: its callers are reset for as long as it is.
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

    /// Where the process finds its dependency.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the link so, for the connections that are open too.
    pub fn set(&self, condition: Condition) {
        self.state.send_modify(|state| {
            state.condition = condition;
            state.cuts += u64::from(condition == Condition::Cut);
        });
    }

    /// How the link is.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.state.borrow().condition
    }
}

/// Takes connections for ever. Its end is the end of all of them: their tasks are its own.
async fn serve(listener: TcpListener, target: SocketAddr, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(connection::carry(client, target, state.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a proxy cannot take a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
