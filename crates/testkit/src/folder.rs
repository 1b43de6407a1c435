//! Where a fleet or a set of servers keeps its data: a folder that vanishes, or one that stays.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tempfile::TempDir;

/// Then comes the id of the process that the folder belongs to.
const PREFIX: &str = "ticketing-";

#[derive(Debug)]
pub(crate) enum DataFolder {
    /// Removed when this is dropped.
    Temporary(TempDir),
    /// Somebody else's, who wants to find it again.
    ResponseCache(PathBuf),
}

impl DataFolder {
    /// The folder named, or a temporary one.
    pub(crate) fn open(named: Option<PathBuf>) -> Result<Self> {
        if let Some(folder) = named {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            let folder = folder.canonicalize().context("a folder has a full path")?;
            return Ok(Self::ResponseCache(folder));
        }
        remove_orphans();
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir();
        Ok(Self::Temporary(folder.context("no temporary folder")?))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::ResponseCache(folder) => folder,
        }
    }

    /// Makes a temporary folder stay.
    pub(crate) fn keep(self) -> PathBuf {
        match self {
            Self::Temporary(folder) => folder.keep(),
            Self::ResponseCache(folder) => folder,
        }
    }
}

/// Removes the folders of processes that ended without removing theirs: those that were killed, and test binaries,
/// whose servers live until the process ends and nobody is left to tidy up.
pub(crate) fn remove_orphans() {
    let entries = std::fs::read_dir(std::env::temp_dir());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'))
            .and_then(|(pid, _)| pid.parse().ok());
        if owner.is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)) {
            // Another process may be at the same work.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
