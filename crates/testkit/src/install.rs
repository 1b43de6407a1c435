//! Installs external programs and packages from the package registries, each once.
//!
//! Programs that have no system folder go into a cache folder outside the repository. A lock file allows one install at
//! a time on a machine: a second process waits and then finds the result. All functions block, so async code calls them
//! in `spawn_blocking`.

mod apt;
mod npm;
mod pip;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::progress::Progress;

pub use npm::npm_package;
pub use pip::pip_packages;

/// The cache folder: `TICKETING_CACHE`, else `ticketing` in the user's cache folder.
pub fn cache_folder() -> Result<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = named("TICKETING_CACHE") {
        return Ok(folder.into());
    }
    if let Some(folder) = named("XDG_CACHE_HOME") {
        return Ok(Path::new(&folder).join("ticketing"));
    }
    let home = named("HOME").context("no HOME: set TICKETING_CACHE to a folder for programs")?;
    Ok(Path::new(&home).join(".cache/ticketing"))
}

/// The file of this name in a folder of the PATH.
#[must_use]
pub fn search_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// Installs Debian packages, as root or with `sudo`, without starting their services.
pub fn apt(packages: &[&str], progress: &dyn Progress) -> Result<()> {
    Installer::begin(progress)?.apt(packages)
}

/// Returns what `present` finds. If it finds nothing, runs `install` under the machine's lock first.
pub fn once<T>(
    progress: &dyn Progress,
    present: impl Fn() -> Option<T>,
    install: impl FnOnce(&Installer<'_>) -> Result<()>,
) -> Result<T> {
    if let Some(found) = present() {
        return Ok(found);
    }
    let installer = Installer::begin(progress)?;
    // Another process may have installed it while this one waited.
    if let Some(found) = present() {
        return Ok(found);
    }
    install(&installer)?;
    present().context("the install succeeded, but its result is missing")
}

/// The right to install on this machine, until it is dropped.
pub struct Installer<'a> {
    cache: PathBuf,
    progress: &'a dyn Progress,
    /// Closing the file releases the lock.
    _lock: File,
}

impl<'a> Installer<'a> {
    fn begin(progress: &'a dyn Progress) -> Result<Self> {
        let cache = cache_folder()?;
        fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let lock =
            File::create(cache.join("install.lock")).context("cannot create the lock file")?;
        if lock.try_lock().is_err() {
            progress.step("waiting for another process that installs");
            lock.lock().context("cannot lock the cache folder")?;
        }
        Ok(Self {
            cache,
            progress,
            _lock: lock,
        })
    }

    /// The cache folder.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Receives each step.
    #[must_use]
    pub fn progress(&self) -> &'a dyn Progress {
        self.progress
    }

    /// See the function [`apt`].
    pub fn apt(&self, packages: &[&str]) -> Result<()> {
        apt::install(packages, self.progress)
    }
}
