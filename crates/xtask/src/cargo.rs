//! Running cargo: always the one that runs us, in the workspace's root, with its output on our terminal.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use testkit::process::die_with_parent;
use tokio::process::Child;

use crate::stop::StopSignals;

/// How long cargo and what it runs may take to end.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// The root of the workspace: of the one in which cargo was called, not of the one in which this tool was compiled.
/// Clones that share a target folder share the tool, too.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let called = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let here = called.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = here.ancestors().nth(2);
        root.expect("this crate is two folders below the root")
            .to_owned()
    });
    &ROOT
}

/// A cargo command, which ends with us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(program, arguments)
}

/// As [`cargo`], with another cargo than the one that runs us.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if tells_of_this_crate(&name) {
            command.env_remove(name);
        }
    }
    die_with_parent(&mut command);
    command
}

/// Whether it is a variable by which `cargo run` describes this tool. Some build scripts ask to be run again when such
/// a variable changes: with them, each cargo that we start and each that a person starts would undo the other's work.
fn tells_of_this_crate(variable: &str) -> bool {
    const PREFIXES: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    const NAMES: [&str; 4] = [
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
    ];
    NAMES.contains(&variable) || PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
}

/// Runs a command to its end.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    let name = command.get_program().to_owned();
    command
        .status()
        .with_context(|| format!("cannot run {}", name.display()))
}

/// Runs cargo to its end; none if told to stop before, and then all that it started has ended too.
pub(crate) async fn run_until(
    command: Command,
    stop: &mut StopSignals,
) -> Result<Option<ExitStatus>> {
    let mut running = tokio::process::Command::from(command)
        // A group of its own, so that what it runs can be ended with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot run cargo")?;
    tokio::select! {
        status = running.wait() => Ok(Some(status?)),
        () = stop.next() => {
            end(&mut running).await?;
            Ok(None)
        }
    }
}

async fn end(running: &mut Child) -> Result<()> {
    let group = running.id().and_then(|id| id.try_into().ok());
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        if let Some(group) = group {
            // An error means that all of it has ended.
            let _ = killpg(Pid::from_raw(group), signal);
        }
        let ended = tokio::time::timeout(STOP_PATIENCE, running.wait()).await;
        if let Ok(status) = ended {
            status?;
            return Ok(());
        }
    }
    bail!("cargo does not end")
}

/// Builds the services' binaries; false if told to stop before they were built.
///
/// In a debug build, all of the workspace: then the fleet, the tests and this tool share what was compiled. In a
/// release build, the services alone, as they ship.
pub(crate) async fn build_services(release: bool, stop: &mut StopSignals) -> Result<bool> {
    // The workspace's default members are the services.
    let selection: &[&str] = if release {
        &["build", "--release", "--bins"]
    } else {
        &["build", "--workspace", "--bins"]
    };
    build(cargo(selection), stop).await
}

/// Builds the bare programs that the services are compared with, as the services are built.
pub(crate) async fn build_baseline(release: bool, stop: &mut StopSignals) -> Result<bool> {
    let mut command = cargo(&["build", "--package", "baseline"]);
    if release {
        command.arg("--release");
    }
    build(command, stop).await
}

/// Runs a build to its end; false if told to stop before.
pub(crate) async fn build(command: Command, stop: &mut StopSignals) -> Result<bool> {
    match run_until(command, stop).await? {
        None => Ok(false),
        Some(status) if status.success() => Ok(true),
        Some(_) => bail!("the build failed; see above"),
    }
}
