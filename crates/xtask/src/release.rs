//! Building programs as they ship: statically, and by a linker of our own, which puts the functions that run together.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use testkit::programs_folder;

use crate::cargo;
use crate::stop::StopSignals;

/// How they are compiled, and by which linker. From the workspace's root.
const SETTINGS: &str = "crates/linker/release.toml";

/// Which functions run, by which they are linked.
pub(crate) fn functions() -> PathBuf {
    cargo::root().join("crates/linker/functions.txt")
}

/// Builds the binaries of these packages, with no feature that only tools need; false if told to stop before.
pub(crate) async fn build(packages: &[&str], stop: &mut StopSignals) -> Result<bool> {
    if !cargo::build(cargo::cargo(&["build", "--package", "linker"]), stop).await? {
        return Ok(false);
    }
    if are_linked_by_another_list(packages)? {
        // Cargo does not know that the list is a part of them.
        let mut clean = command("clean", packages)?;
        // The settings' target is not what it cleans by itself.
        clean.args(["--target", "host-tuple"]);
        let status = cargo::status(&mut clean)?;
        ensure!(status.success(), "cargo cannot clean; see above");
    }
    let mut command = command("build", packages)?;
    command.arg("--bins");
    cargo::build(command, stop).await
}

/// Whether any was linked before the list was written.
fn are_linked_by_another_list(packages: &[&str]) -> Result<bool> {
    let list = functions();
    let written = list.metadata().and_then(|file| file.modified());
    let written = written.with_context(|| list.display().to_string())?;
    let folder = programs_folder(true)?;
    let linked = |package: &&str| -> Option<SystemTime> {
        folder.join(package).metadata().ok()?.modified().ok()
    };
    Ok(packages.iter().filter_map(linked).any(|at| at < written))
}

fn command(name: &str, packages: &[&str]) -> Result<Command> {
    let mut command = cargo::cargo(&[name, "--release", "--config", SETTINGS]);
    for package in packages {
        command.args(["--package", package]);
    }
    // The linker lies where we do.
    let mut folders: Vec<PathBuf> = env::current_exe()?
        .parent()
        .into_iter()
        .map(Into::into)
        .collect();
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    command.env(
        "PATH",
        env::join_paths(folders).context("a path that can be searched")?,
    );
    Ok(command)
}
