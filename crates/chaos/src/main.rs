//! `cargo xtask chaos` and `cargo xtask overload`, which build the services first.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chaos::ChaosSettings;
use chaos::fault::Kind;
use chaos::overload::{self, OverloadSettings};
use clap::Parser;
use testkit::progress::Progress;
use testkit::{Console, StopSignals, run_tool};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100)]
enum Command {
    /// Inject faults under load into a fleet of its own, and check that nothing is lost or oversold
    Chaos(ChaosArguments),
    /// Send a fleet of its own more requests than it can handle, and measure how many it still serves
    Overload(OverloadArguments),
}

#[derive(clap::Args)]
#[command(after_help = faults_help())]
struct ChaosArguments {
    /// Seconds during which faults are injected; a calm phase and the check follow
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=86_400))]
    seconds: u64,
    /// Seed for load and faults [default: random]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only these faults, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = Kind::ALL, hide_default_value = true)]
    faults: Vec<Kind>,
    /// Number of concurrent shoppers
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    shoppers: u16,
    /// Run optimised binaries
    #[arg(long)]
    release: bool,
}

#[derive(clap::Args)]
struct OverloadArguments {
    /// Seconds for which each step of the load is measured
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Run optimised binaries
    #[arg(long)]
    release: bool,
}

fn faults_help() -> String {
    let faults = Kind::ALL.map(|kind| format!("  {:<16} {}", kind.name(), kind.about()));
    format!("Faults:\n{}", faults.join("\n"))
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Chaos(arguments) => run_tool(inject_faults(arguments)),
        Command::Overload(arguments) => run_tool(overload_fleet(arguments)),
    }
}

async fn inject_faults(arguments: ChaosArguments) -> Result<ExitCode> {
    let mut signals = StopSignals::listen()?;
    let console = Arc::new(Console::new());
    let settings = settings(&arguments, console.clone());
    let stop = settings.stop.clone();
    let running = chaos::run(settings);
    tokio::pin!(running);
    let report = loop {
        tokio::select! {
            report = &mut running => break report,
            // The first signal ends the run in order, the second one at once.
            () = signals.next() => {
                if stop.is_cancelled() {
                    return Ok(ExitCode::FAILURE);
                }
                console.step("stopping");
                stop.cancel();
            }
        }
    };
    console.pause();
    let report = report?;
    println!("\n{report}");
    Ok(ExitCode::from(u8::from(!report.is_clean())))
}

fn settings(arguments: &ChaosArguments, progress: Arc<dyn Progress>) -> ChaosSettings {
    ChaosSettings {
        // Short enough to be typed again.
        seed: arguments
            .seed
            .unwrap_or_else(|| rand::random_range(0..1_000_000)),
        length: Duration::from_secs(arguments.seconds),
        kinds: arguments.faults.iter().copied().collect(),
        shoppers: arguments.shoppers.into(),
        release: arguments.release,
        progress,
        ..ChaosSettings::default()
    }
}

async fn overload_fleet(arguments: OverloadArguments) -> Result<ExitCode> {
    let mut signals = StopSignals::listen()?;
    let console = Arc::new(Console::new());
    let running = overload::run(OverloadSettings {
        release: arguments.release,
        phase: Duration::from_secs(arguments.seconds),
        progress: console.clone(),
    });
    let report = signals.unless(Box::pin(running)).await;
    console.pause();
    let Some(report) = report else {
        return Ok(ExitCode::FAILURE);
    };
    let report = report?;
    println!("\n{report}");
    Ok(ExitCode::from(u8::from(!report.holds())))
}
