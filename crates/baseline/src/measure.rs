//! Repeats an operation in many tasks and measures the time of each repetition.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::task::JoinSet;

/// How long a loop runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// The number of tasks and the duration.
#[derive(clap::Args, Clone, Copy)]
pub(crate) struct Load {
    /// Number of tasks
    #[arg(long, default_value_t = 32)]
    tasks: usize,
    /// Duration of the measurement in milliseconds
    #[arg(long)]
    milliseconds: u64,
}

/// The largest value of histograms, in microseconds.
const LONGEST: u64 = 600_000_000;

/// Repeats `work` in each task until the time is over. Prints a line when the measurement starts and one with its
/// results, and then waits to be killed.
pub(crate) async fn measure<W, F>(load: Load, work: W) -> Result<()>
where
    W: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let work = Arc::new(work);
    let from = Instant::now() + WARM_UP;
    let until = from + Duration::from_millis(load.milliseconds);
    let mut tasks = JoinSet::new();
    for _ in 0..load.tasks {
        let work = Arc::clone(&work);
        tasks.spawn(async move {
            let mut times = Histogram::<u64>::new_with_max(LONGEST, 3)?;
            loop {
                let started = Instant::now();
                if started >= until {
                    return anyhow::Ok(times);
                }
                work().await?;
                if started >= from {
                    times.saturating_record(microseconds(started.elapsed()));
                }
            }
        });
    }
    tokio::time::sleep_until(from.into()).await;
    println!("{}", json!("started"));
    let mut all = Histogram::<u64>::new_with_max(LONGEST, 3)?;
    while let Some(times) = tasks.join_next().await {
        all.add(times.context("a task panicked")??)?;
    }
    let values: Vec<_> = all
        .iter_recorded()
        .map(|step| (step.value_iterated_to(), step.count_at_value()))
        .collect();
    let microseconds = microseconds(from.elapsed());
    println!(
        "{}",
        json!({ "count": all.len(), "microseconds": microseconds, "times": values })
    );
    std::future::pending().await
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
