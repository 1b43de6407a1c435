//! `cargo xtask layout`: records which functions of the programs run, by which they are linked.
//!
//! A fleet is run under the benchmark's load, each of its programs with a breakpoint at the beginning of each function:
//! what is met is used, in the order in which it is met first. See `crates/linker`.

mod first_calls;

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench::{BenchSettings, Scenario};
use testkit::fleet::SERVICES;
use testkit::progress::Progress;
use testkit::target_folder;

use crate::cargo;
use crate::client;
use crate::console::Console;
use crate::release;
use crate::stop::StopSignals;

pub(crate) use first_calls::{Arguments as TraceArguments, run as trace};

/// What the programs are asked while it is recorded: all that they do day by day.
const SCENARIOS: [Scenario; 12] = [
    Scenario::SignUp,
    Scenario::CurrentUser,
    Scenario::List,
    Scenario::Show,
    Scenario::Home,
    Scenario::Create,
    Scenario::Edit,
    Scenario::Order,
    Scenario::Pay,
    Scenario::Viewers,
    Scenario::Expirations,
    Scenario::FlashSale,
];

/// How long each load lasts: nothing is measured, and each function need be called but once.
const LOAD: Duration = Duration::from_secs(3);

pub(crate) async fn run() -> Result<ExitCode> {
    let mut stop = StopSignals::listen()?;
    let console = Arc::new(Console::new());
    if !client::build(&console, &mut stop).await? {
        return Ok(ExitCode::FAILURE);
    }
    console.step("building the services");
    console.pause();
    let built = cargo::build_services(true, &mut stop).await?
        && cargo::build_baseline(true, &mut stop).await?;
    if !built {
        return Ok(ExitCode::FAILURE);
    }
    let folder = target_folder()?.join("layout");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let running = bench::run(BenchSettings {
        scenarios: SCENARIOS.to_vec(),
        time: LOAD,
        rate: None,
        release: true,
        runner: runner(&folder)?,
        progress: console.clone(),
    });
    let report = stop.unless(Box::pin(running)).await;
    console.pause();
    let Some(report) = report else {
        return Ok(ExitCode::FAILURE);
    };
    ensure!(
        report?.is_sound(),
        "not everything that was asked was answered: nothing is recorded"
    );
    record(&release::functions(), &called(&folder)?)?;
    Ok(ExitCode::SUCCESS)
}

/// This program, told to run a service's and to note what it calls.
fn runner(folder: &Path) -> Result<Vec<OsString>> {
    let program = std::env::current_exe()?;
    Ok(vec![program.into(), "trace".into(), folder.into()])
}

/// The functions that were called: those of the first service in their order, then what the next one adds, and so on.
/// Each program then has what all have in one piece, and what it shares with some in a few.
fn called(folder: &Path) -> Result<Vec<String>> {
    let traces = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    // By service and process.
    let traces: BTreeSet<PathBuf> = traces.collect::<Result<_>>()?;
    let mut seen = HashSet::new();
    let mut called = Vec::new();
    for service in SERVICES {
        let mut its = traces
            .iter()
            .filter(|trace| trace.file_stem().is_some_and(|name| name == service))
            .peekable();
        ensure!(its.peek().is_some(), "{service} left no trace");
        for trace in its {
            for function in fs::read_to_string(trace)?.lines() {
                let function = linker::digest(function);
                if seen.insert(function.clone()) {
                    called.push(function);
                }
            }
        }
    }
    Ok(called)
}

/// Writes the list, and says what is new in it.
fn record(list: &Path, called: &[String]) -> Result<()> {
    let before = fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let before: HashSet<&str> = before.lines().collect();
    let now: HashSet<&str> = called.iter().map(String::as_str).collect();
    fs::write(list, called.join("\n") + "\n")?;
    println!(
        "{}: {} functions, of which {} are new; {} are no longer called",
        list.display(),
        called.len(),
        now.difference(&before).count(),
        before.difference(&now).count(),
    );
    Ok(())
}
