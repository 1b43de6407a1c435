//! Where a server comes from: given, on the PATH, a container, or installed.

use std::env;
use std::fmt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use super::program::{Flavour, Program};
use super::{Kind, container, install};
use crate::install::search_path;
use crate::progress::Progress;

/// The oldest NATS server whose consumers honour all the settings that the services send.
const OLDEST_NATS: (u64, u64) = (2, 12);

/// Which ways of getting a server are open: `TICKETING_SERVERS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Programs on the PATH, else containers, else installed programs.
    #[default]
    Auto,
    /// Programs only.
    Local,
    /// Containers only.
    Containers,
}

impl Choice {
    /// What `TICKETING_SERVERS` says.
    pub fn from_environment() -> Result<Self> {
        match env::var("TICKETING_SERVERS").as_deref() {
            Err(_) | Ok("" | "auto") => Ok(Self::Auto),
            Ok("local") => Ok(Self::Local),
            Ok("containers") => Ok(Self::Containers),
            Ok(other) => {
                bail!("TICKETING_SERVERS is {other:?}; it may be auto, local or containers")
            }
        }
    }
}

/// Where a server comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// It runs already, at this URL.
    Given(String),
    /// A program to be run.
    Program(Program),
    /// An image to be run.
    Container,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A URL may hold a password.
            Self::Given(_) => f.write_str("given by its URL"),
            Self::Program(program) => program.fmt(f),
            Self::Container => f.write_str("a container"),
        }
    }
}

/// Finds a server, and installs it if there is no other way.
pub(super) async fn find(
    kind: Kind,
    choice: Choice,
    given: bool,
    progress: &Arc<dyn Progress>,
) -> Result<Source> {
    let url = env::var(kind.variable()).ok().filter(|url| !url.is_empty());
    if let Some(url) = url.filter(|_| given) {
        return Ok(Source::Given(url));
    }
    if choice == Choice::Containers {
        return Ok(Source::Container);
    }
    if let Some(program) = on_path(kind) {
        return Ok(Source::Program(program));
    }
    if choice == Choice::Auto && container::engine_answers().await {
        return Ok(Source::Container);
    }
    local(kind, progress).await.map(Source::Program)
}

/// A program of the PATH, of the cache, or newly installed there.
pub(super) async fn local(kind: Kind, progress: &Arc<dyn Progress>) -> Result<Program> {
    if let Some(program) = on_path(kind) {
        return Ok(program);
    }
    let progress = progress.clone();
    tokio::task::spawn_blocking(move || install::program(kind, &*progress))
        .await
        .context("the install panicked")?
        .with_context(|| format!("cannot install {kind}"))
}

/// The first program of the PATH that will do.
pub(super) fn on_path(kind: Kind) -> Option<Program> {
    let names: &[(Flavour, &str)] = match kind {
        Kind::Mongo => &[
            (Flavour::Mongod, "mongod"),
            (Flavour::Secantus, "secantusd-rs"),
        ],
        Kind::Nats => &[(Flavour::Nats, "nats-server")],
        Kind::Redis => &[(Flavour::Redis, "redis-server")],
    };
    names.iter().find_map(|&(flavour, name)| {
        let path = search_path(name)?;
        let program = Program { flavour, path };
        usable(&program).then_some(program)
    })
}

fn usable(program: &Program) -> bool {
    program.flavour != Flavour::Nats
        || nats_version(&program.path).is_some_and(|version| version >= OLDEST_NATS)
}

/// `nats-server: v2.15.1` gives (2, 15).
fn nats_version(path: &Path) -> Option<(u64, u64)> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, version) = text.trim().rsplit_once('v')?;
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    Some((parts.next()?, parts.next()?))
}
