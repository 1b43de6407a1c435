//! npm packages in the cache folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Installer, cache_folder, once, search_path};
use crate::command::run_visibly;
use crate::progress::Progress;

/// The folder of an unpacked npm package of exactly this version, with its dependencies beside it. No install scripts
/// run.
pub fn npm_package(name: &str, version: &str, progress: &dyn Progress) -> Result<PathBuf> {
    let root = cache_folder()?
        .join("npm")
        .join(format!("{name}@{version}"));
    let package = root.join("node_modules").join(name);
    let present = || package.is_dir().then(|| package.clone());
    let install = |installer: &Installer<'_>| {
        if search_path("npm").is_none() {
            installer.apt(&["npm"])?;
        }
        progress.step(&format!("fetching {name} {version}"));
        let parent = root.parent().context("no parent folder")?;
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        // Renamed when complete, so that an interrupted install is never found.
        let fresh = tempfile::tempdir_in(parent).context("no folder to unpack into")?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--ignore-scripts"])
            .args(["--no-audit", "--no-fund", "--no-update-notifier"])
            .arg(format!("{name}@{version}"))
            // Otherwise npm looks for a project to install into.
            .arg("--prefix")
            .arg(fresh.path())
            .current_dir(fresh.path());
        run_visibly(npm, progress)?;
        let fresh = fresh.keep();
        fs::rename(&fresh, &root).with_context(|| format!("cannot create {}", root.display()))
    };
    once(progress, present, install)
        .with_context(|| format!("cannot install the npm package {name} {version}"))
}
