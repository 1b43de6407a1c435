//! One server, and what a test may do to it.

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

/// The slowest is a MongoDB server that elects itself on a machine with much to do.
const START_PATIENCE: Duration = Duration::from_mins(1);
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs.
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
    /// One that runs already.
    pub(super) async fn given(kind: Kind, url: String) -> Result<Self> {
        let answered = within(START_PATIENCE, || ready::ping(kind, &url)).await;
        answered.map_err(|error| anyhow!("{} does not answer: {error}", kind.variable()))?;
        Ok(Self {
            kind,
            url,
            backing: Backing::Given,
        })
    }

    /// One in a container.
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

    /// One of this program with its data in this folder, where it takes up what is there.
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

    /// Which one it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it is reached. It stays the same over restarts.
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

    /// Its process, if it is a child of ours.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match &self.backing {
            Backing::Program(local) => Some(local.pid()),
            _ => None,
        }
    }

    /// How it ended and the last of its log, if it is a child of ours that ended although nobody here ended it.
    #[must_use]
    pub fn obituary(&self) -> Option<String> {
        match &self.backing {
            Backing::Program(local) => local.obituary(),
            _ => None,
        }
    }

    /// Ends it as a loss of power to the process would (SIGKILL).
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

    /// Ends it in order (SIGTERM).
    pub async fn stop(&self) -> Result<()> {
        match &self.backing {
            Backing::Given => self.not_ours(),
            Backing::Program(local) => {
                local.stop(STOP_PATIENCE).await;
                Ok(())
            }
            Backing::Container(container) => container.stop(STOP_PATIENCE).await,
        }
    }

    /// Starts it again on the same port and data, after stopping it if it runs. Returns once it answers.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        match &self.backing {
            Backing::Given => return self.not_ours(),
            Backing::Program(local) => local.start_again().await?,
            Backing::Container(container) => container.start_again().await?,
        }
        self.wait_until_ready().await
    }

    /// Kills it and starts it again on the same port, as empty as on its first day. Returns once it answers.
    pub async fn lose_data(&self) -> Result<()> {
        self.start_after(Local::lose_data, Container::lose_data)
            .await
    }

    /// Kills it, keeps a copy of its data for [`Server::lose_what_came_since`], and starts it again. Returns once it
    /// answers.
    pub async fn keep_data(&self) -> Result<()> {
        self.start_after(Local::keep_data, Container::keep_data)
            .await
    }

    /// Kills it and starts it again on the same port with the data that was kept, as after a power cut that took what
    /// the disk had not seen. Returns once it answers.
    pub async fn lose_what_came_since(&self) -> Result<()> {
        let (local, container) = (Local::lose_what_came_since, Container::lose_what_came_since);
        self.start_after(local, container).await
    }

    /// Starts it again after what is done to it, which ends it.
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

    /// Makes it hang (SIGSTOP): connections open, nothing answers.
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

    /// Lets it go on (SIGCONT).
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

    /// Ends it for good; one that is not ours goes on.
    pub(super) async fn end(self) {
        match self.backing {
            Backing::Given => {}
            Backing::Program(local) => local.stop(STOP_PATIENCE).await,
            Backing::Container(container) => container.remove().await,
        }
    }

    fn not_ours(&self) -> Result<()> {
        let variable = self.kind.variable();
        bail!("{} is given by {variable} and not ours to stop", self.kind)
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let answered = within(START_PATIENCE, || self.ready_or_ended()).await;
        answered
            .and_then(std::convert::identity)
            .map_err(|reason| anyhow!("{} does not start: {reason}", self.kind))
    }

    /// Whether it answers. That it ended is a final answer too: no use in waiting any longer.
    async fn ready_or_ended(&self) -> Result<Result<(), String>> {
        if let Backing::Program(local) = &self.backing
            && let Some(last_words) = local.last_words()
        {
            return Ok(Err(last_words));
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

    /// The address by which a MongoDB server that must first become a replica set knows itself.
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
