//! `cargo xtask lint`: checks format, lints and dependencies.

mod exceptions;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use testkit::command::run_visibly;
use testkit::install::cache_folder;
use testkit::progress::Progress;
use time::OffsetDateTime;

use crate::cargo;
use crate::client;
use crate::console::Console;

const DENY_VERSION: &str = "0.20.2";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Skip the check of dependencies if cargo-deny is missing, instead of installing it
    #[arg(long)]
    no_install: bool,

    /// Only check the dependencies against the database of security advisories, which needs the network
    #[arg(long)]
    advisories: bool,
}

enum Outcome {
    Clean,
    Failed,
    Skipped(&'static str),
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let steps = if arguments.advisories {
        advisories(arguments.no_install)?
    } else {
        offline_checks(arguments.no_install)?
    };
    let mut clean = true;
    for (step, outcome) in steps {
        match outcome {
            Outcome::Clean => eprintln!("· {step}: clean"),
            Outcome::Skipped(reason) => eprintln!("· {step}: skipped, {reason}"),
            Outcome::Failed => {
                clean = false;
                eprintln!("· {step}: FAILED, see above");
            }
        }
    }
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

type Steps = Vec<(&'static str, Outcome)>;

fn offline_checks(no_install: bool) -> Result<Steps> {
    let mut steps = vec![
        ("format", check(cargo::cargo(&["fmt", "--all", "--check"]))?),
        ("lints", check(clippy())?),
        ("lints of the browser code", browser_lints(no_install)?),
    ];
    let licences = ["--offline", "check", "licenses", "bans", "sources"];
    steps.push(("licences, bans, sources", deny(no_install, &licences)?));
    steps.push((
        "advisories",
        Outcome::Skipped("they need the network: use --advisories"),
    ));
    Ok(steps)
}

fn advisories(no_install: bool) -> Result<Steps> {
    let known = deny(no_install, &["check", "advisories"])?;
    let config =
        std::fs::read_to_string(cargo::root().join("deny.toml")).context("no deny.toml")?;
    let expired = exceptions::expired(&config, &OffsetDateTime::now_utc().date().to_string());
    for exception in &expired {
        eprintln!("{exception}");
    }
    let exceptions = if expired.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Failed
    };
    Ok(vec![
        ("advisories", known),
        ("exceptions from advisories", exceptions),
    ])
}

fn clippy() -> Command {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--quiet",
    ];
    let mut command = cargo::cargo(&arguments);
    command.args(["--", "--deny", "warnings"]);
    command
}

/// Lints the client's browser code. The workspace lints cover its server code.
fn browser_lints(no_install: bool) -> Result<Outcome> {
    let console = Console::new();
    let clippy = client::clippy(no_install, &console);
    console.pause();
    match clippy? {
        Some(command) => check(command),
        None => Ok(Outcome::Skipped("no compiler for WASM with clippy")),
    }
}

fn check(mut command: Command) -> Result<Outcome> {
    let status = cargo::status(&mut command)?;
    Ok(if status.success() {
        Outcome::Clean
    } else {
        Outcome::Failed
    })
}

/// Runs cargo-deny.
fn deny(no_install: bool, arguments: &[&str]) -> Result<Outcome> {
    let Some(program) = cargo_deny(no_install)? else {
        return Ok(Outcome::Skipped("no cargo-deny"));
    };
    // It reads every package of the lock file, also those for other systems. Without a network the fetch fails, and
    // cargo-deny uses what is already downloaded.
    cargo::status(&mut cargo::cargo(&["fetch", "--locked", "--quiet"]))?;
    let mut command = Command::new(program);
    command
        .current_dir(cargo::root())
        .args(["--log-level", "error"])
        .args(arguments);
    check(command)
}

fn cargo_deny(no_install: bool) -> Result<Option<PathBuf>> {
    let on_path = Command::new("cargo-deny").arg("--version").output();
    if on_path.is_ok_and(|output| output.status.success()) {
        return Ok(Some("cargo-deny".into()));
    }
    let root = cache_folder()?.join("cargo-deny");
    let program = root.join("bin/cargo-deny");
    if program.is_file() {
        return Ok(Some(program));
    }
    if no_install {
        return Ok(None);
    }
    let console = Console::new();
    console.step("compiling cargo-deny (some minutes, once)");
    let target = root.join("target");
    let mut install = cargo::cargo(&["install", "cargo-deny", "--locked"]);
    install
        .args(["--version", DENY_VERSION, "--root"])
        .arg(&root);
    install.arg("--target-dir").arg(&target);
    let installed = run_visibly(install, &console).context("cannot install cargo-deny");
    console.pause();
    installed?;
    // Frees a gigabyte. A failure does no harm.
    let _ = std::fs::remove_dir_all(target);
    Ok(Some(program))
}
