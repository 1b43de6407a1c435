//! `cargo xtask bench`: what the fleet does, what that costs, and how both compare with the least that they could.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bench::{BenchSettings, Scenario};
use testkit::progress::Progress;

use crate::cargo;
use crate::client;
use crate::console::Console;
use crate::stop::StopSignals;

/// The variable that tells the check of costs to record instead.
const RECORD: &str = "TICKETING_COSTS";

#[derive(clap::Args)]
#[command(after_help = scenarios_help())]
pub(crate) struct Arguments {
    /// Only these scenarios, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_values_t = Scenario::ALL, hide_default_value = true)]
    only: Vec<Scenario>,
    /// How long each load of a scenario lasts in all
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Requests a second at the fixed rate, instead of each scenario's own
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Write all figures here, for machines
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run binaries that are not optimised, to try the benchmark itself
    #[arg(long)]
    debug: bool,
    /// Measure no time, only compare what the hot handlers allocate with what is recorded
    #[arg(long, conflicts_with_all = ["only", "seconds", "rate", "json", "debug"])]
    check: bool,
    /// With --check: record what they allocate now
    #[arg(long, requires = "check")]
    record: bool,
}

fn scenarios_help() -> String {
    let each = |scenario: Scenario| format!("  {:<13} {}", scenario.name(), scenario.about());
    format!("Scenarios:\n{}", Scenario::ALL.map(each).join("\n"))
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut stop = StopSignals::listen()?;
    if arguments.check {
        return check(arguments.record, &mut stop).await;
    }
    let console = Arc::new(Console::new());
    if !client::build(&console, &mut stop).await? {
        return Ok(ExitCode::FAILURE);
    }
    console.step("building the services");
    console.pause();
    let built = cargo::build_services(!arguments.debug, &mut stop).await?
        && cargo::build_baseline(!arguments.debug, &mut stop).await?;
    if !built {
        return Ok(ExitCode::FAILURE);
    }
    let running = bench::run(BenchSettings {
        scenarios: arguments.only,
        time: Duration::from_secs(arguments.seconds),
        rate: arguments.rate.map(f64::from),
        release: !arguments.debug,
        progress: console.clone(),
    });
    let report = stop.unless(Box::pin(running)).await;
    console.pause();
    let Some(report) = report else {
        return Ok(ExitCode::FAILURE);
    };
    let report = report?;
    println!("\n{report}");
    if let Some(file) = arguments.json {
        let written = fs::write(&file, report.to_json());
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn check(record: bool, stop: &mut StopSignals) -> Result<ExitCode> {
    let mut command = cargo::cargo(&["test", "-p", "bench", "--test", "costs"]);
    command.args(["--", "--nocapture"]);
    if record {
        command.env(RECORD, "record");
    }
    let status = cargo::run_until(command, stop).await?;
    Ok(if status.is_some_and(|status| status.success()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
