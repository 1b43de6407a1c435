//! `cargo xtask test`: runs the tests on servers that all test binaries share.

use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use testkit::Servers;
use testkit::servers::ServersSettings;

use crate::cargo;
use crate::client;
use crate::console::Console;
use crate::stop::StopSignals;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments of `cargo test`; without a package, the whole workspace is tested
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo_test: Vec<String>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let (started_at, mut stop) = (Instant::now(), StopSignals::listen()?);
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
    let tested = test(&arguments, &servers, &console, &mut stop).await;
    servers.stop().await;
    let Some(status) = tested? else {
        bail!("stopped before the tests ended");
    };
    let seconds = started_at.elapsed().as_secs();
    let outcome = if status.success() { "passed" } else { "failed" };
    eprintln!(
        "· tests {outcome} after {} min {:02} s",
        seconds / 60,
        seconds % 60
    );
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// Returns the exit status of the tests, or `None` if a signal stopped them.
async fn test(
    arguments: &Arguments,
    servers: &Servers,
    console: &Arc<Console>,
    stop: &mut StopSignals,
) -> Result<Option<ExitStatus>> {
    // Tests run binaries of other packages and load the shop's files, which `cargo test` does not build.
    let binaries = cargo::cargo(&["build", "--workspace", "--bins"]);
    let built = client::build(console, stop).await? && cargo::build(binaries, stop).await?;
    if !built {
        return Ok(None);
    }
    let mut command = cargo::cargo(&["test"]);
    let selects = |argument: &String| argument == "--package" || argument.starts_with("-p");
    let mut own = arguments
        .cargo_test
        .iter()
        .take_while(|argument| *argument != "--");
    let is_all = arguments.cargo_test.is_empty();
    if !own.any(selects) {
        command.arg("--workspace");
    }
    if std::env::var_os("RUST_LOG").is_none() {
        // The services log every request. Only warnings matter here.
        command.env("RUST_LOG", "warn");
    }
    command
        .args(&arguments.cargo_test)
        .envs(servers.environment());
    match cargo::run_until(command, stop).await? {
        Some(status) if status.success() && is_all => simulate(stop).await,
        ended => Ok(ended),
    }
}

/// Simulates thousands of histories of the saga. Only an optimised build is fast enough.
async fn simulate(stop: &mut StopSignals) -> Result<Option<ExitStatus>> {
    let simulation = ["run", "--profile", "simulation", "-p", "simulation"];
    cargo::run_until(cargo::cargo(&simulation), stop).await
}
