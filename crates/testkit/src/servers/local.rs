//! A server that is a child process. Its port and data stay the same over restarts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::program::{Flavour, Program, log_file};
use crate::process::Process;
use crate::{log, port};

#[derive(Debug)]
pub(super) struct Local {
    program: Program,
    port: u16,
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    process: Arc<Process>,
    /// Whether its end was requested here.
    ending: bool,
}

impl State {
    fn of(process: Process) -> Self {
        Self {
            process: Arc::new(process),
            ending: false,
        }
    }
}

impl Local {
    /// Starts this program on the data in this folder.
    pub(super) async fn start(program: Program, folder: PathBuf) -> Result<Self> {
        let port = remembered_port(&folder)?;
        let process = program.start(port, &folder).await?;
        Ok(Self {
            program,
            port,
            folder,
            state: Mutex::new(State::of(process)),
        })
    }

    /// Starts it again on the same port and data.
    pub(super) async fn start_again(&self) -> Result<()> {
        let process = self.program.start(self.port, &self.folder).await?;
        *self.state() = State::of(process);
        Ok(())
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) const fn flavour(&self) -> Flavour {
        self.program.flavour
    }

    pub(super) fn pid(&self) -> u32 {
        self.process().pid()
    }

    pub(super) async fn signal(&self, signal: Signal) {
        self.process().signal(signal).await;
    }

    pub(super) async fn kill(&self) {
        self.end().kill().await;
    }

    pub(super) async fn stop(&self, timeout: Duration) {
        self.end().stop(timeout).await;
    }

    /// Kills it and removes its data.
    pub(super) async fn lose_data(&self) -> Result<()> {
        self.kill().await;
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }

    /// Kills it and copies its data.
    pub(super) async fn save_data(&self) -> Result<()> {
        self.kill().await;
        let saved = self.saved_data();
        copy(&self.folder, &saved).with_context(|| format!("cannot copy to {}", saved.display()))
    }

    /// Kills it and replaces its data with the copy.
    pub(super) async fn restore_data(&self) -> Result<()> {
        self.lose_data().await?;
        let saved = self.saved_data();
        fs::rename(&saved, &self.folder)
            .with_context(|| format!("no saved data in {}", saved.display()))
    }

    fn saved_data(&self) -> PathBuf {
        self.folder.with_extension("saved")
    }

    /// Its exit status and last log lines, if it ended unexpectedly.
    pub(super) fn unexpected_exit(&self) -> Option<String> {
        let requested = self.state().ending;
        if requested { None } else { self.exit() }
    }

    /// Its exit status and last log lines, if it has ended.
    pub(super) fn exit(&self) -> Option<String> {
        let status = self.process().ended()?;
        let last = log::last_lines(&log_file(&self.folder));
        let kind = self.program.kind();
        Some(format!("{kind} ended ({status}):\n{last}"))
    }

    /// Its process, whose end is requested from now on.
    fn end(&self) -> Arc<Process> {
        let mut state = self.state();
        // A process that has already ended did so unexpectedly.
        state.ending |= state.process.ended().is_none();
        state.process.clone()
    }

    fn process(&self) -> Arc<Process> {
        self.state().process.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies a folder recursively.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

/// The port of the data in this folder, or a free one for a new folder. The data of a replica set contains its port, so
/// it must be served on the same port again.
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
