//! `cargo xtask bench`, which builds the services first.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bench::{BenchSettings, Scenario};
use clap::Parser;
use testkit::{Console, StopSignals, run_tool};

/// The environment variable that makes the check of allocations record instead.
const RECORD: &str = "TICKETING_COSTS";

/// Measure a fleet of its own, and bare programs for comparison
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench", max_term_width = 100, after_help = scenarios_help())]
struct Arguments {
    /// Only these scenarios, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_values_t = Scenario::ALL, hide_default_value = true)]
    only: Vec<Scenario>,
    /// Seconds for each load of a scenario
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Requests per second at the fixed rate, instead of each scenario's own
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run binaries that are not optimised, to try the benchmark itself
    #[arg(long)]
    debug: bool,
    /// Measure no time, only compare the allocations of the hot handlers with the recorded ones
    #[arg(long, conflicts_with_all = ["only", "seconds", "rate", "json", "debug"])]
    check: bool,
    /// With --check: record the allocations
    #[arg(long, requires = "check")]
    record: bool,
}

fn scenarios_help() -> String {
    let each = |scenario: Scenario| format!("  {:<13} {}", scenario.name(), scenario.about());
    format!("Scenarios:\n{}", Scenario::ALL.map(each).join("\n"))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.check {
        run_tool(async { check(arguments.record) })
    } else {
        run_tool(measure(arguments))
    }
}

async fn measure(arguments: Arguments) -> Result<ExitCode> {
    let mut signals = StopSignals::listen()?;
    let console = Arc::new(Console::new());
    let running = bench::run(BenchSettings {
        scenarios: arguments.only,
        time: Duration::from_secs(arguments.seconds),
        rate: arguments.rate.map(f64::from),
        release: !arguments.debug,
        progress: console.clone(),
    });
    let report = signals.unless(Box::pin(running)).await;
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
    Ok(ExitCode::from(u8::from(!report.is_sound())))
}

fn check(record: bool) -> Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut test = Command::new(cargo);
    test.args(["test", "--test", "costs", "--", "--nocapture"]);
    if record {
        test.env(RECORD, "record");
    }
    let status = test.status().context("cannot run cargo")?;
    Ok(ExitCode::from(u8::from(!status.success())))
}
