//! `cargo xtask overload`: what the fleet does when more is asked of it than it can do.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chaos::overload::{self, OverloadSettings};
use testkit::progress::Progress;

use crate::cargo;
use crate::client;
use crate::console::Console;
use crate::stop::StopSignals;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long each step of the load is measured
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Run optimised binaries
    #[arg(long)]
    release: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut stop = StopSignals::listen()?;
    let console = Arc::new(Console::new());
    if !client::build(&console, &mut stop).await? {
        return Ok(ExitCode::FAILURE);
    }
    console.step("building the services");
    console.pause();
    if !cargo::build_services(arguments.release, &mut stop).await? {
        return Ok(ExitCode::FAILURE);
    }
    let running = overload::run(OverloadSettings {
        release: arguments.release,
        phase: Duration::from_secs(arguments.seconds),
        progress: console.clone(),
    });
    let report = stop.unless(Box::pin(running)).await;
    console.pause();
    let Some(report) = report else {
        return Ok(ExitCode::FAILURE);
    };
    let report = report?;
    println!("\n{report}");
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
