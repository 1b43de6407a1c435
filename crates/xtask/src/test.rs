//! `cargo xtask test`: all tests, on servers that are started once for all test binaries.

use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use testkit::Servers;
use testkit::servers::ServersSettings;
use tokio::process::Child;

use crate::cargo;
use crate::console::Console;
use crate::stop::StopSignals;

/// How long tests that are told to stop may take.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What `cargo test` is given, instead of `--workspace` if a package is among it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo_test: Vec<String>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let (begun, mut stop) = (Instant::now(), StopSignals::listen()?);
    let console = Arc::new(Console::new());
    let settings = ServersSettings {
        given: true,
        folder: None,
        progress: console.clone(),
    };
    let servers = tokio::select! {
        started = Servers::start(settings) => started?,
        () = stop.next() => return Ok(ExitCode::FAILURE),
    };
    console.pause();
    let tested = test(&arguments, &servers, &mut stop).await;
    servers.stop().await;
    let status = tested?;
    let seconds = begun.elapsed().as_secs();
    let outcome = if status.success() { "passed" } else { "failed" };
    eprintln!(
        "· tests {outcome} after {} min {:02} s",
        seconds / 60,
        seconds % 60
    );
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

async fn test(
    arguments: &Arguments,
    servers: &Servers,
    stop: &mut StopSignals,
) -> Result<ExitStatus> {
    // Journeys run the services' binaries, which `cargo test` does not build.
    tokio::task::block_in_place(|| cargo::build_services(false))?;
    let mut command = cargo::cargo(&["test"]);
    let selects = |argument: &String| argument == "--package" || argument.starts_with("-p");
    let own = arguments
        .cargo_test
        .iter()
        .take_while(|argument| *argument != "--");
    if !own.into_iter().any(selects) {
        command.arg("--workspace");
    }
    command
        .args(&arguments.cargo_test)
        .envs(servers.environment());
    let mut tests = tokio::process::Command::from(command)
        // A group of its own, so that its grandchildren can be ended with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot run cargo")?;
    tokio::select! {
        status = tests.wait() => Ok(status?),
        () = stop.next() => end(&mut tests).await,
    }
}

/// Ends cargo and the test binary that it runs.
async fn end(tests: &mut Child) -> Result<ExitStatus> {
    eprintln!("· stopping");
    let group = tests
        .id()
        .and_then(|id| id.try_into().ok())
        .map(Pid::from_raw);
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        if let Some(group) = group {
            // An error means that all of it has ended.
            let _ = killpg(group, signal);
        }
        if let Ok(status) = tokio::time::timeout(STOP_PATIENCE, tests.wait()).await {
            return Ok(status?);
        }
    }
    Ok(tests.wait().await?)
}
