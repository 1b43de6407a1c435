//! Finds the source of a server: a given URL, a program on the PATH, a container, or an installed program.

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

/// The oldest NATS version that supports all consumer settings of the services.
const OLDEST_NATS: (u64, u64) = (2, 12);

/// The allowed sources of servers: `TICKETING_SERVERS`.
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
    /// Reads `TICKETING_SERVERS`.
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

/// The source of a server.
#[derive(Debug)]
pub(super) enum Source {
    /// A running server at this URL.
    Given(String),
    /// A program to run.
    Program(Program),
    /// A container image to run.
    Container,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A URL may contain a password.
            Self::Given(_) => f.write_str("given by its URL"),
            Self::Program(program) => program.fmt(f),
            Self::Container => f.write_str("a container"),
        }
    }
}

/// Finds a server, and installs it if there is no other source.
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
    if choice == Choice::Auto && container::engine().await.is_some() {
        return Ok(Source::Container);
    }
    local(kind, progress).await.map(Source::Program)
}

/// A program on the PATH or in the cache, where a missing one is installed.
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

/// The first usable program on the PATH.
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

/// Parses `nats-server: v2.15.1` as (2, 15).
fn nats_version(path: &Path) -> Option<(u64, u64)> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, version) = text.trim().rsplit_once('v')?;
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    Some((parts.next()?, parts.next()?))
}
