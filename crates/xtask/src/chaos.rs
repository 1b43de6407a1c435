//! `cargo xtask chaos`: faults under load in a fleet of its own, and the proof that nothing is lost or oversold.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chaos::fault::Kind;
use chaos::{ChaosSettings, Report};
use testkit::progress::Progress;

use crate::cargo;
use crate::client;
use crate::console::Console;
use crate::stop::StopSignals;

#[derive(clap::Args)]
#[command(after_help = faults_help())]
pub(crate) struct Arguments {
    /// How long faults are injected; a calm end and the check come after
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=86_400))]
    seconds: u64,
    /// From which load and faults are drawn; another one each time if none is named
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only these faults, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = Kind::ALL, hide_default_value = true)]
    faults: Vec<Kind>,
    /// How many shoppers there are at once
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    shoppers: u16,
    /// Run optimised binaries
    #[arg(long)]
    release: bool,
}

fn faults_help() -> String {
    let faults = Kind::ALL.map(|kind| format!("  {:<16} {}", kind.name(), kind.about()));
    format!("Faults:\n{}", faults.join("\n"))
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
    let settings = settings(&arguments, console.clone());
    let told_to_stop = settings.stop.clone();
    let running = chaos::run(settings);
    tokio::pin!(running);
    let report = loop {
        tokio::select! {
            report = &mut running => break report,
            // Everything ends in order; told so again, at once.
            () = stop.next() => {
                if told_to_stop.is_cancelled() {
                    return Ok(ExitCode::FAILURE);
                }
                console.step("told to stop");
                told_to_stop.cancel();
            }
        }
    };
    console.pause();
    let report = report?;
    println!("\n{report}");
    Ok(exit_code(&report))
}

fn exit_code(report: &Report) -> ExitCode {
    if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn settings(arguments: &Arguments, progress: Arc<dyn Progress>) -> ChaosSettings {
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
