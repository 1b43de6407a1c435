//! Saves the logs of all processes, the acknowledgements and the report of a run that found something.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use testkit::{Fleet, target_folder};

use crate::history::History;

/// An empty folder for the run of this seed.
pub(crate) fn folder(seed: u64) -> Result<PathBuf> {
    let folder = target_folder()?.join("chaos").join(format!("seed-{seed}"));
    // An earlier run of the same seed may have left one.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Copies the logs from the fleet's folder, which will be removed.
pub(crate) fn save_logs(fleet: &Fleet, folder: &Path) -> Result<()> {
    let entries = fs::read_dir(fleet.folder()).context("the fleet's folder")?;
    for entry in entries.flatten() {
        if entry.path().extension().is_some_and(|kind| kind == "log") {
            fs::copy(entry.path(), folder.join(entry.file_name())).context("cannot save a log")?;
        }
    }
    Ok(())
}

/// Writes the acknowledgements, one per line.
pub(crate) fn save_history(history: &History, folder: &Path) -> Result<()> {
    let mut lines = String::new();
    for acknowledged in history.all() {
        writeln!(lines, "{acknowledged:?}")?;
    }
    fs::write(folder.join("acknowledged.txt"), lines).context("cannot save the acknowledgements")
}
