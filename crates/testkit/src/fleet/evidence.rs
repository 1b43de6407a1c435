//! Saves the logs of a fleet when a test fails.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::target_folder;

/// When a panic drops it, it copies the logs from the fleet's temporary folder and prints the new path.
#[derive(Debug)]
pub(super) struct Evidence {
    folder: PathBuf,
}

impl Evidence {
    /// For the logs in this folder.
    pub(super) fn of(folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self { folder }
    }

    fn save(&self) -> Result<PathBuf> {
        let test = std::thread::current();
        let test = test.name().unwrap_or("test").replace("::", "-");
        let saved = target_folder()?.join("logs").join(test);
        // The logs of an earlier failure of the same test.
        let _ = fs::remove_dir_all(&saved);
        fs::create_dir_all(&saved).context("a folder for the logs")?;
        for entry in fs::read_dir(&self.folder)?.flatten() {
            if entry.path().extension().is_some_and(|kind| kind == "log") {
                fs::copy(entry.path(), saved.join(entry.file_name()))?;
            }
        }
        Ok(saved)
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        if std::thread::panicking() {
            match self.save() {
                Ok(saved) => eprintln!("testkit: the logs are in {}", saved.display()),
                Err(error) => eprintln!("testkit: the logs could not be saved: {error:#}"),
            }
        }
    }
}
