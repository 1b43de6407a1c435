//! What is kept of a run that found something: the logs of all processes, what was acknowledged, and the report.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use testkit::{Fleet, target_folder};

use crate::history::History;

/// A fresh folder for what is kept of the run of this seed.
pub(crate) fn folder(seed: u64) -> Result<PathBuf> {
    let folder = target_folder()?.join("chaos").join(format!("seed-{seed}"));
    // Of an earlier run of the same seed, if there was one.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Copies the logs out of the fleet's folder, which is about to vanish.
pub(crate) fn keep_logs(fleet: &Fleet, folder: &Path) -> Result<()> {
    let entries = fs::read_dir(fleet.folder()).context("the fleet's folder")?;
    for entry in entries.flatten() {
        if entry.path().extension().is_some_and(|kind| kind == "log") {
            fs::copy(entry.path(), folder.join(entry.file_name())).context("cannot keep a log")?;
        }
    }
    Ok(())
}

/// Writes down what was acknowledged, a line each.
pub(crate) fn keep_history(history: &History, folder: &Path) -> Result<()> {
    let mut lines = String::new();
    for acknowledged in history.all() {
        writeln!(lines, "{acknowledged:?}")?;
    }
    fs::write(folder.join("acknowledged.txt"), lines).context("cannot keep what was acknowledged")
}
