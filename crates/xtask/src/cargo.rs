//! Runs cargo: the cargo that runs this tool, in the workspace's root, with its output on the terminal.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use testkit::fleet::SERVICES;
use testkit::process::die_with_parent;
use tokio::process::Child;

use crate::stop::StopSignals;

/// How long cargo and its children may take to end after each signal.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The root of the workspace in which cargo was called. Clones that share a target folder share this tool, so it may
/// have been compiled in another one.
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

/// A cargo command, which is killed when this process ends.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(program, arguments)
}

/// As [`cargo`], with another cargo.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = clean_command(program);
    command.args(arguments).current_dir(root());
    die_with_parent(&mut command);
    command
}

/// A command without the variables that `cargo run` sets to describe this tool. Some build scripts run again when such
/// a variable changes, so passing them on would make this tool's builds and a person's builds undo each other.
pub(crate) fn clean_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if describes_this_crate(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn describes_this_crate(variable: &str) -> bool {
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

/// Runs cargo to its end. On a signal cargo and its children are ended, and there is no status.
pub(crate) async fn run_until(
    command: Command,
    stop: &mut StopSignals,
) -> Result<Option<ExitStatus>> {
    let mut running = tokio::process::Command::from(command)
        // A process group of its own, so that its children can be ended with it.
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
        let ended = tokio::time::timeout(STOP_TIMEOUT, running.wait()).await;
        if let Ok(status) = ended {
            status?;
            return Ok(());
        }
    }
    bail!("cargo does not end")
}

/// Builds the services' binaries; false if stopped before they are built.
///
/// A debug build selects binaries and no packages. Then the whole workspace decides the features of dependencies, and
/// the services share what is compiled with this tool and the tests. A release build selects the services' packages,
/// and their dependencies have only the features that are deployed.
pub(crate) async fn build_services(release: bool, stop: &mut StopSignals) -> Result<bool> {
    let (mut command, select) = if release {
        (cargo(&["build", "--release", "--bins"]), "--package")
    } else {
        (cargo(&["build"]), "--bin")
    };
    for service in SERVICES {
        command.args([select, service]);
    }
    build(command, stop).await
}

/// Builds the bare programs that the services are compared with, as the services are built.
pub(crate) async fn build_baseline(release: bool, stop: &mut StopSignals) -> Result<bool> {
    let arguments: &[&str] = if release {
        &["build", "--release", "--package", "baseline"]
    } else {
        &["build", "--bin", "baseline"]
    };
    build(cargo(arguments), stop).await
}

/// Runs a build to its end; false if stopped before.
pub(crate) async fn build(command: Command, stop: &mut StopSignals) -> Result<bool> {
    match run_until(command, stop).await? {
        None => Ok(false),
        Some(status) if status.success() => Ok(true),
        Some(_) => bail!("the build failed; see above"),
    }
}
