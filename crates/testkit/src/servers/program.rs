//! Runs the servers' programs on loopback, in the foreground, with data that survives a kill.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use super::Kind;
use crate::log;
use crate::process::Process;

/// A server's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) flavour: Flavour,
    pub(super) path: PathBuf,
}

/// The kind of program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// MongoDB's own server, as a replica set with one member, because transactions need a replica set.
    Mongod,
    /// A server with MongoDB's protocol that can be installed from the package registries.
    Secantus,
    /// NATS's own server.
    Nats,
    /// Redis's own server.
    Redis,
}

impl Flavour {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Mongod | Self::Secantus => Kind::Mongo,
            Self::Nats => Kind::Nats,
            Self::Redis => Kind::Redis,
        }
    }
}

impl Program {
    pub(super) const fn kind(&self) -> Kind {
        self.flavour.kind()
    }

    /// Starts it on this port with its data in this folder. Its output goes to `<folder>.log`.
    pub(super) async fn start(&self, port: u16, folder: &Path) -> Result<Process> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let mut command = Command::new(&self.path);
        command.current_dir(folder);
        self.arguments(&mut command, &port.to_string(), folder.as_os_str());
        log::append_output(&mut command, &log_file(folder))?;
        Process::start(command).await
    }

    fn arguments(&self, command: &mut Command, port: &str, folder: &OsStr) {
        match self.flavour {
            Flavour::Mongod => command
                .args(["--replSet", "rs0", "--bind_ip", "127.0.0.1", "--port", port])
                .args(["--wiredTigerCacheSizeGB", "0.25"])
                .args([OsStr::new("--unixSocketPrefix"), folder])
                .args([OsStr::new("--dbpath"), folder]),
            Flavour::Secantus => command
                .args(["--host", "127.0.0.1", "--port", port])
                // Without it a kill loses acknowledged writes.
                .arg("--sync-on-commit")
                .args(["--cache-size", "256M", "--log-file-max", "16MB"])
                .args(["--log-level", "WARNING"])
                .args([OsStr::new("--storage-path"), folder]),
            Flavour::Nats => command
                .args(["-a", "127.0.0.1", "-p", port, "-js"])
                .args([OsStr::new("-sd"), folder]),
            Flavour::Redis => command
                .args(["--bind", "127.0.0.1", "--port", port, "--daemonize", "no"])
                .args(["--appendonly", "yes", "--appendfsync", "always"])
                .args(["--save", ""])
                .args([OsStr::new("--dir"), folder]),
        };
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// The log file of the server with this data folder.
pub(super) fn log_file(folder: &Path) -> PathBuf {
    folder.with_extension("log")
}
