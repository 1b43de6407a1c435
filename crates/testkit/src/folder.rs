//! The data folder of a fleet or of servers: temporary, or permanent.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tempfile::TempDir;

/// The prefix of a temporary folder's name. The id of the owning process follows.
const PREFIX: &str = "ticketing-";

#[derive(Debug)]
pub(crate) enum DataFolder {
    /// Removed when this is dropped.
    Temporary(TempDir),
    /// Never removed.
    Permanent(PathBuf),
}

impl DataFolder {
    /// Opens the given folder, or a temporary one.
    pub(crate) fn open(given: Option<PathBuf>) -> Result<Self> {
        if let Some(folder) = given {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
            let folder = folder.canonicalize().context("the folder's full path")?;
            return Ok(Self::Permanent(folder));
        }
        remove_orphans();
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir();
        Ok(Self::Temporary(folder.context("no temporary folder")?))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Permanent(folder) => folder,
        }
    }

    /// Keeps a temporary folder from being removed.
    pub(crate) fn keep(self) -> PathBuf {
        match self {
            Self::Temporary(folder) => folder.keep(),
            Self::Permanent(folder) => folder,
        }
    }
}

/// Removes the temporary folders of processes that have ended: killed processes, and test binaries, whose servers run
/// until the process ends.
pub(crate) fn remove_orphans() {
    let entries = std::fs::read_dir(std::env::temp_dir());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'))
            .and_then(|(pid, _)| pid.parse().ok());
        if owner.is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)) {
            // Another process may remove it at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
