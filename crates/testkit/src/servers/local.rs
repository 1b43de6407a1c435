//! A server that is a child of ours: its process, which changes, and its port and data, which stay.

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
    /// Whether its end was wanted, so that nobody need be told of it.
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
    /// Starts this program with its data in this folder, where it takes up what is there.
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

    pub(super) async fn stop(&self, patience: Duration) {
        self.end().stop(patience).await;
    }

    /// Kills it and takes its data away.
    pub(super) async fn lose_data(&self) -> Result<()> {
        self.kill().await;
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }

    /// Kills it and copies its data.
    pub(super) async fn keep_data(&self) -> Result<()> {
        self.kill().await;
        let kept = self.kept();
        copy(&self.folder, &kept).with_context(|| format!("cannot copy to {}", kept.display()))
    }

    /// Kills it and puts the copy in its data's place.
    pub(super) async fn lose_what_came_since(&self) -> Result<()> {
        self.lose_data().await?;
        let kept = self.kept();
        fs::rename(&kept, &self.folder)
            .with_context(|| format!("nothing was kept in {}", kept.display()))
    }

    fn kept(&self) -> PathBuf {
        self.folder.with_extension("kept")
    }

    /// Its last words, if it ended although nobody here ended it.
    pub(super) fn obituary(&self) -> Option<String> {
        let wanted = self.state().ending;
        if wanted { None } else { self.last_words() }
    }

    /// How it ended and the last of its log, if it ended.
    pub(super) fn last_words(&self) -> Option<String> {
        let status = self.process().ended()?;
        let last = log::last_lines(&log_file(&self.folder));
        let kind = self.program.kind();
        Some(format!("{kind} ended ({status}):\n{last}"))
    }

    /// Its process, whose end is wanted from now on.
    fn end(&self) -> Arc<Process> {
        let mut state = self.state();
        // Somebody who only now ends what ended before must still hear of that.
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

/// Copies a folder and all that is in it.
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
