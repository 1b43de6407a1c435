//! Tools that are programs of their own, so that starting a fleet does not compile them: `chaos` and `bench`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use testkit::progress::Progress;
use testkit::target_folder;

use crate::cargo;
use crate::client;
use crate::console::Console;
use crate::stop::StopSignals;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Options of the tool; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

impl Arguments {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|given| given == option)
    }

    fn needs_fleet(&self) -> bool {
        !["--help", "-h", "--check"]
            .iter()
            .any(|option| self.has(option))
    }
}

/// `cargo xtask chaos` and `cargo xtask overload`.
pub(crate) async fn chaos(command: &str, arguments: Arguments) -> Result<ExitCode> {
    let release = arguments.has("--release");
    if !build("chaos", &arguments, release).await? {
        return Ok(ExitCode::FAILURE);
    }
    let command = [OsString::from(command)];
    become_tool("chaos", command.into_iter().chain(arguments.options))
}

/// `cargo xtask bench`.
pub(crate) async fn bench(arguments: Arguments) -> Result<ExitCode> {
    let release = !arguments.has("--debug");
    let built = build("bench", &arguments, release).await?
        && (!arguments.needs_fleet()
            || cargo::build_baseline(release, &mut StopSignals::listen()?).await?);
    if !built {
        return Ok(ExitCode::FAILURE);
    }
    become_tool("bench", arguments.options)
}

/// Builds the tool and what its fleet runs; false if stopped before all is built.
async fn build(tool: &str, arguments: &Arguments, release: bool) -> Result<bool> {
    let (console, mut stop) = (Arc::new(Console::new()), StopSignals::listen()?);
    if arguments.needs_fleet() {
        if !client::build(&console, &mut stop).await? {
            return Ok(false);
        }
        console.step("building the services");
        console.pause();
        if !cargo::build_services(release, &mut stop).await? {
            return Ok(false);
        }
    }
    cargo::build(cargo::cargo(&["build", "--bin", tool]), &mut stop).await
}

/// Replaces this process; returns only if that fails.
fn become_tool(name: &str, arguments: impl IntoIterator<Item = OsString>) -> Result<ExitCode> {
    let program = target_folder()?.join("debug").join(name);
    let error = cargo::clean_command(&program).args(arguments).exec();
    Err(anyhow!(error).context(format!("cannot run {}", program.display())))
}
