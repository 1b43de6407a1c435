//! Figures: what the fleet does, what that costs, and how both compare with the least that they could cost.
//!
//! A run starts a fleet of its own and asks it one kind of thing after the other, in two ways: at a fixed rate, whatever
//! becomes of the requests, so that the time that one waits for its turn is counted in its latency; and by a fixed number
//! of connections that each ask again when answered, which tells how much the fleet can do and, by the operating system's
//! accounting, what one request costs each process. Between these slices the same is asked of a bare program
//! ([`baseline`]), so that a machine that is busy with something else is busy for both.
//!
//! The load is generated here and not by a library, because none that is kept up does this: `goose` and `rlt` 0.5 ask
//! again when answered and time from when they ask, `balter` looks for a rate by itself, and `oha`, which does count
//! from when a request was due, sends one fixed request and is a program rather than a library.

mod baseline;
mod lab;
mod load;
mod original;
mod report;
mod scenario;
mod seed;
mod settings;
mod step;
mod work;

pub use report::Report;
pub use scenario::Scenario;
pub use settings::BenchSettings;

use anyhow::Result;

use lab::Lab;

/// Starts a fleet, measures, and tells; the fleet is gone then.
pub async fn run(settings: BenchSettings) -> Result<Report> {
    let scenarios = settings.scenarios.clone();
    let lab = Lab::open(settings).await?;
    let mut report = Report::of(&lab);
    let mut faults = Vec::new();
    for scenario in scenarios {
        lab.step(scenario.name());
        match scenario.run(&lab).await {
            Ok(outcome) => report.add(outcome),
            // What others found is still worth telling.
            Err(error) => faults.push(format!("{scenario}: {error:#}")),
        }
    }
    report.end(&lab);
    faults.extend(lab.close().await);
    report.faults(faults);
    Ok(report)
}
