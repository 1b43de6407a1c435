//! What the processes of a fleet said, kept when a test fails.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::target_folder;

/// Dropped by a panic, it copies the logs out of the fleet's folder, which is about to vanish, and says where to.
#[derive(Debug)]
pub(super) struct Evidence {
    folder: PathBuf,
}

impl Evidence {
    /// Watches over the logs in this folder.
    pub(super) fn of(folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self { folder }
    }

    fn keep(&self) -> Result<PathBuf> {
        let test = std::thread::current();
        let test = test.name().unwrap_or("test").replace("::", "-");
        let kept = target_folder()?.join("logs").join(test);
        // Those of an earlier failure of the same test, if there are any.
        let _ = fs::remove_dir_all(&kept);
        fs::create_dir_all(&kept).context("a folder for the logs")?;
        for entry in fs::read_dir(&self.folder)?.flatten() {
            if entry.path().extension().is_some_and(|kind| kind == "log") {
                fs::copy(entry.path(), kept.join(entry.file_name()))?;
            }
        }
        Ok(kept)
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        if std::thread::panicking() {
            match self.keep() {
                Ok(kept) => eprintln!("testkit: the logs are in {}", kept.display()),
                Err(error) => eprintln!("testkit: the logs could not be kept: {error:#}"),
            }
        }
    }
}
