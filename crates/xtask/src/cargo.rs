//! Running cargo: always the one that runs us, in the workspace's root, with its output on our terminal.

use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, ensure};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate is two folders below the root")
}

/// A cargo command.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs it to its end.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    let name = command.get_program().to_owned();
    command
        .status()
        .with_context(|| format!("cannot run {}", name.display()))
}

/// Builds the services' binaries.
///
/// In a debug build, all of the workspace: then the fleet, the tests and this tool share what was compiled. In a
/// release build, the services alone, with no feature that only tools need.
pub(crate) fn build_services(release: bool) -> Result<()> {
    let mut command = if release {
        let mut command = cargo(&["build", "--release", "--bins"]);
        for service in testkit::fleet::SERVICES {
            command.args(["-p", service]);
        }
        command
    } else {
        cargo(&["build", "--workspace", "--bins"])
    };
    let status = status(&mut command)?;
    ensure!(status.success(), "the build failed; see above");
    Ok(())
}
