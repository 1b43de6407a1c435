//! `cargo xtask lint`: format, lints, and what the dependencies are.

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
    /// Leave the check of dependencies out if cargo-deny is not there, rather than install it
    #[arg(long)]
    no_install: bool,

    /// Only hold the dependencies against the database of known advisories, which is on the network
    #[arg(long)]
    advisories: bool,
}

enum Outcome {
    Clean,
    Faulty,
    LeftOut(&'static str),
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let steps = if arguments.advisories {
        advisories(arguments.no_install)?
    } else {
        everything_else(arguments.no_install)?
    };
    let mut clean = true;
    for (step, outcome) in steps {
        match outcome {
            Outcome::Clean => eprintln!("· {step}: clean"),
            Outcome::LeftOut(reason) => eprintln!("· {step}: left out, {reason}"),
            Outcome::Faulty => {
                clean = false;
                eprintln!("· {step}: FAULTY, see above");
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

fn everything_else(no_install: bool) -> Result<Steps> {
    let mut steps = vec![
        ("format", check(cargo::cargo(&["fmt", "--all", "--check"]))?),
        ("lints", check(clippy())?),
        (
            "lints of what runs in the browser",
            browser_lints(no_install)?,
        ),
    ];
    // By what is on this machine.
    let licences = ["--offline", "check", "licenses", "bans", "sources"];
    steps.push(("licences, bans, sources", deny(no_install, &licences)?));
    steps.push((
        "advisories",
        Outcome::LeftOut("their database is on the network: --advisories"),
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
        Outcome::Faulty
    };
    Ok(vec![
        ("advisories", known),
        ("their exceptions", exceptions),
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

/// Those of the client's other side: the workspace is checked as what runs on servers.
fn browser_lints(no_install: bool) -> Result<Outcome> {
    let console = Console::new();
    let clippy = client::clippy(no_install, &console);
    console.pause();
    match clippy? {
        Some(command) => check(command),
        None => Ok(Outcome::LeftOut("no compiler for WASM with clippy")),
    }
}

fn check(mut command: Command) -> Result<Outcome> {
    let status = cargo::status(&mut command)?;
    Ok(if status.success() {
        Outcome::Clean
    } else {
        Outcome::Faulty
    })
}

/// A check of dependencies.
fn deny(no_install: bool, arguments: &[&str]) -> Result<Outcome> {
    let Some(program) = cargo_deny(no_install)? else {
        return Ok(Outcome::LeftOut("no cargo-deny"));
    };
    // It reads every package of the lock file, also those that are compiled only for other systems. Without a
    // network this fails, and what is here must do.
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
    // A gigabyte that is needed no more; what cannot be removed does no harm.
    let _ = std::fs::remove_dir_all(target);
    Ok(Some(program))
}
