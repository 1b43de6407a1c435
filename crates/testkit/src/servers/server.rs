//! One server, and what a test may do to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::Signal;

use super::container::Container;
use super::program::{Flavour, Program, log_file};
use super::{Kind, ready};
use crate::eventually::within;
use crate::process::Process;
use crate::progress::Progress;
use crate::{log, port};

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

#[derive(Debug)]
struct Local {
    program: Program,
    port: u16,
    folder: PathBuf,
    process: Mutex<Arc<Process>>,
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
        let port = remembered_port(&folder)?;
        let process = program.start(port, &folder).await?;
        let server = Self {
            kind,
            url: kind.url(port),
            backing: Backing::Program(Local {
                program,
                port,
                folder,
                process: Mutex::new(Arc::new(process)),
            }),
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
            Backing::Program(local) => Some(local.process().pid()),
            _ => None,
        }
    }

    /// How it ended and the last of its log, if it is a child of ours that ended.
    #[must_use]
    pub fn obituary(&self) -> Option<String> {
        match &self.backing {
            Backing::Program(local) => local.obituary(self.kind),
            _ => None,
        }
    }

    /// Ends it as a loss of power to the process would (SIGKILL).
    pub async fn kill(&self) -> Result<()> {
        match &self.backing {
            Backing::Given => self.not_ours(),
            Backing::Program(local) => {
                local.process().kill().await;
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
                local.process().stop(STOP_PATIENCE).await;
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
            Backing::Program(local) => {
                let process = local.program.start(local.port, &local.folder).await?;
                let mut current = local.process.lock().unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(process);
            }
            Backing::Container(container) => container.start_again().await?,
        }
        self.wait_until_ready().await
    }

    /// Makes it hang (SIGSTOP): connections open, nothing answers.
    pub async fn suspend(&self) -> Result<()> {
        match &self.backing {
            Backing::Given => self.not_ours(),
            Backing::Program(local) => {
                local.process().signal(Signal::SIGSTOP).await;
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
                local.process().signal(Signal::SIGCONT).await;
                Ok(())
            }
            Backing::Container(container) => container.resume().await,
        }
    }

    /// Ends it for good; one that is not ours goes on.
    pub(super) async fn end(self) {
        match self.backing {
            Backing::Given => {}
            Backing::Program(local) => drop(local.process().stop(STOP_PATIENCE).await),
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
        if let Some(obituary) = self.obituary() {
            return Ok(Err(obituary));
        }
        if let Some(member) = self.replica_set_member() {
            ready::initiate_replica_set(&self.url, &member).await?;
        }
        ready::ping(self.kind, &self.url).await.map(Ok)
    }

    /// The address by which a MongoDB server that must first become a replica set knows itself.
    fn replica_set_member(&self) -> Option<String> {
        match &self.backing {
            Backing::Program(local) if local.program.flavour == Flavour::Mongod => {
                Some(format!("127.0.0.1:{}", local.port))
            }
            Backing::Container(_) if self.kind == Kind::Mongo => Some("127.0.0.1:27017".to_owned()),
            _ => None,
        }
    }
}

impl Local {
    fn process(&self) -> Arc<Process> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.clone()
    }

    fn obituary(&self, kind: Kind) -> Option<String> {
        let status = self.process().ended()?;
        let last = log::last_lines(&log_file(&self.folder));
        Some(format!("{kind} ended ({status}):\n{last}"))
    }
}

/// The port of the data in this folder, or a free one if the folder is new. A replica set of one knows itself by
/// its port, so data that is taken up again must be served where it was.
fn remembered_port(folder: &Path) -> Result<u16> {
    let note = folder.with_extension("port");
    if let Ok(text) = fs::read_to_string(&note) {
        let port = text.trim().parse().context("a damaged data folder")?;
        if !port::is_free(port) {
            bail!(
                "port {port}, which the data in {} needs, is in use",
                folder.display()
            );
        }
        return Ok(port);
    }
    let port = port::free();
    fs::write(&note, port.to_string())
        .with_context(|| format!("cannot write {}", note.display()))?;
    Ok(port)
}
