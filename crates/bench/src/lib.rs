//! The benchmark: throughput, latency, CPU time and memory of the fleet, beside bare programs that do the least that is
//! necessary.
//!
//! A run starts a fleet of its own and measures one scenario after the other with two kinds of load. The open loop
//! sends requests at a fixed rate, however slow the responses are, so that latency includes the time that a request
//! waits for its turn. The closed loop uses a fixed number of connections, each of which sends the next request after
//! the last response; it measures throughput and, from the operating system's accounting, the CPU time that a request
//! costs each process. The slices of both alternate with slices of the same load on a bare program ([`baseline`]), so
//! that other work on the machine disturbs both alike.
//!
//! The load generator is our own because no maintained library does this: `goose` and `rlt` 0.5 are closed loops that
//! measure from when they send, `balter` searches for a rate, and `oha`, which does measure from when a request was
//! due, sends one fixed request and is a program rather than a library.

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

/// Starts a fleet, measures the scenarios, and stops the fleet.
pub async fn run(settings: BenchSettings) -> Result<Report> {
    let scenarios = settings.scenarios.clone();
    let lab = Lab::open(settings).await?;
    let mut report = Report::of(&lab);
    let mut faults = Vec::new();
    for scenario in scenarios {
        lab.step(scenario.name());
        match scenario.run(&lab).await {
            Ok(outcome) => report.add(outcome),
            // The other scenarios' results are still worth reporting.
            Err(error) => faults.push(format!("{scenario}: {error:#}")),
        }
    }
    report.end(&lab);
    faults.extend(lab.close().await);
    report.faults(faults);
    Ok(report)
}
