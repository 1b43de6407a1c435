//! A running server, and the faults that a test can inject into it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use nix::sys::signal::Signal;

use super::container::Container;
use super::local::Local;
use super::program::{Flavour, Program};
use super::{Kind, ready};
use crate::eventually::within;
use crate::port;
use crate::progress::Progress;

/// Enough for a MongoDB election on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    url: String,
    backing: Backing,
}

#[derive(Debug)]
enum Backing {
    Given,
    Program(Local),
    Container(Box<Container>),
}

impl Server {
    /// Uses a server that already runs.
    pub(super) async fn given(kind: Kind, url: String) -> Result<Self> {
        let answered = within(START_TIMEOUT, || ready::ping(kind, &url)).await;
        answered.map_err(|error| anyhow!("{} does not answer: {error}", kind.variable()))?;
        Ok(Self {
            kind,
            url,
            backing: Backing::Given,
        })
    }

    /// Starts a container.
    pub(super) async fn contain(kind: Kind, progress: &Arc<dyn Progress>) -> Result<Self> {
        let port = port::free();
        let server = Self {
            kind,
            url: kind.url(port),
            backing: Backing::Container(Box::new(Container::start(kind, port, progress).await?)),
        };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// Starts this program on the data in this folder.
    pub(super) async fn run(program: Program, folder: PathBuf) -> Result<Self> {
        let kind = program.kind();
        let local = Local::start(program, folder).await?;
        let server = Self {
            kind,
            url: kind.url(local.port()),
            backing: Backing::Program(local),
        };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// The kind of server.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The URL. It stays the same over restarts.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `host:port`
    #[must_use]
    pub fn address(&self) -> &str {
        let address = self
            .url
            .split_once("://")
            .map_or(&*self.url, |(_, rest)| rest);
        address.split(['/', '?']).next().unwrap_or(address)
    }

    /// The id of its process, if it is a child process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match &self.backing {
            Backing::Program(local) => Some(local.pid()),
            _ => None,
        }
    }

    /// Its exit status and last log lines, if it is a child process that ended unexpectedly.
    #[must_use]
    pub fn unexpected_exit(&self) -> Option<String> {
        match &self.backing {
            Backing::Program(local) => local.unexpected_exit(),
            _ => None,
        }
    }

    /// Kills it (SIGKILL).
    pub async fn kill(&self) -> Result<()> {
        match &self.backing {
            Backing::Given => self.not_ours(),
            Backing::Program(local) => {
                local.kill().await;
                Ok(())
            }
            Backing::Container(container) => container.kill().await,
        }
    }

    /// Stops it gracefully (SIGTERM).
    pub async fn stop(&self) -> Result<()> {
        match &self.backing {
            Backing::Given => self.not_ours(),
            Backing::Program(local) => {
                local.stop(STOP_TIMEOUT).await;
                Ok(())
            }
            Backing::Container(container) => container.stop(STOP_TIMEOUT).await,
        }
    }

    /// Stops it if it runs, and starts it again on the same port and data. Returns once it answers.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        match &self.backing {
            Backing::Given => return self.not_ours(),
            Backing::Program(local) => local.start_again().await?,
            Backing::Container(container) => container.start_again().await?,
        }
        self.wait_until_ready().await
    }

    /// Kills it, and starts it again on the same port without its data. Returns once it answers.
    pub async fn lose_data(&self) -> Result<()> {
        self.start_after(Local::lose_data, Container::lose_data)
            .await
    }

    /// Kills it, copies its data for [`Server::restore_data`], and starts it again. Returns once it answers.
    pub async fn save_data(&self) -> Result<()> {
        self.start_after(Local::save_data, Container::save_data)
            .await
    }

    /// Kills it, and starts it again on the same port with the data of [`Server::save_data`], as after a power failure
    /// that lost later writes. Returns once it answers.
    pub async fn restore_data(&self) -> Result<()> {
        let (local, container) = (Local::restore_data, Container::restore_data);
        self.start_after(local, container).await
    }

    /// Runs a fault that ends it, and starts it again.
    async fn start_after(
        &self,
        on_program: impl AsyncFnOnce(&Local) -> Result<()>,
        on_container: impl AsyncFnOnce(&Container) -> Result<()>,
    ) -> Result<()> {
        match &self.backing {
            Backing::Given => return self.not_ours(),
            Backing::Program(local) => {
                on_program(local).await?;
                local.start_again().await?;
            }
            Backing::Container(container) => {
                on_container(container).await?;
                container.start_again().await?;
            }
        }
        self.wait_until_ready().await
    }

    /// Makes it hang (SIGSTOP): it accepts connections and answers nothing.
    pub async fn suspend(&self) -> Result<()> {
        match &self.backing {
            Backing::Given => self.not_ours(),
            Backing::Program(local) => {
                local.signal(Signal::SIGSTOP).await;
                Ok(())
            }
            Backing::Container(container) => container.suspend().await,
        }
    }

    /// Resumes it (SIGCONT).
    pub async fn resume(&self) -> Result<()> {
        match &self.backing {
            Backing::Given => self.not_ours(),
            Backing::Program(local) => {
                local.signal(Signal::SIGCONT).await;
                Ok(())
            }
            Backing::Container(container) => container.resume().await,
        }
    }

    /// Stops and removes it. A given server keeps running.
    pub(super) async fn end(self) {
        match self.backing {
            Backing::Given => {}
            Backing::Program(local) => local.stop(STOP_TIMEOUT).await,
            Backing::Container(container) => container.remove().await,
        }
    }

    fn not_ours(&self) -> Result<()> {
        let variable = self.kind.variable();
        bail!(
            "{} is given by {variable} and cannot be controlled here",
            self.kind
        )
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let answered = within(START_TIMEOUT, || self.ready_or_ended()).await;
        answered
            .and_then(std::convert::identity)
            .map_err(|reason| anyhow!("{} does not start: {reason}", self.kind))
    }

    /// Whether it answers. `Ok(Err(_))` if it has ended, because waiting longer is useless.
    async fn ready_or_ended(&self) -> Result<Result<(), String>> {
        if let Backing::Program(local) = &self.backing
            && let Some(exit) = local.exit()
        {
            return Ok(Err(exit));
        }
        if let Some(member) = self.replica_set_member() {
            ready::initiate_replica_set(&self.url, &member).await?;
        }
        ready::ping(self.kind, &self.url).await?;
        if self.kind == Kind::Mongo {
            ready::limit_transactions(&self.url).await?;
        }
        Ok(Ok(()))
    }

    /// The member's own address, for a MongoDB server that must first become a replica set.
    fn replica_set_member(&self) -> Option<String> {
        match &self.backing {
            Backing::Program(local) if local.flavour() == Flavour::Mongod => {
                Some(format!("127.0.0.1:{}", local.port()))
            }
            Backing::Container(_) if self.kind == Kind::Mongo => Some("127.0.0.1:27017".to_owned()),
            _ => None,
        }
    }
}
