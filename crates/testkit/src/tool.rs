//! The entry point of command-line tools.

use std::process::ExitCode;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

/// Runs a tool to its end and prints its error. Blocking work that the tool has given up, such as an install, is not
/// waited for.
pub fn run_tool(tool: impl Future<Output = Result<ExitCode>>) -> ExitCode {
    let ended = Runtime::new().context("no runtime").and_then(|runtime| {
        let ended = runtime.block_on(tool);
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
