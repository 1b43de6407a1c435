//! The bare programs for comparison: the binary of the crate `baseline`, which runs on the fleet's processors.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, DATE, HeaderName};
use serde::Deserialize;
use serde_json::Value;
use testkit::process::Process;
use testkit::{programs_folder, usage};
use tokio::process::Command;
use tokio::time::sleep;

use crate::lab::Lab;
use crate::step::{Step, since};

/// Its name among the processes.
pub(crate) const PROCESS: &str = "baseline";

/// Headers that an HTTP server adds to every response.
const SERVER_HEADERS: [HeaderName; 2] = [CONTENT_LENGTH, DATE];

/// Limit for a line of its output.
const TIMEOUT: Duration = Duration::from_mins(2);

/// How often to look for the line.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A running bare program. Dropping it kills it.
pub(crate) struct Baseline {
    process: Process,
    output: PathBuf,
}

#[derive(Deserialize)]
struct Listening {
    address: SocketAddr,
}

#[derive(Deserialize)]
struct Counted {
    microseconds: u64,
    times: Vec<(u64, u64)>,
}

impl Baseline {
    async fn start(lab: &Lab, arguments: &[&str]) -> Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);

        let program = programs_folder(lab.settings.release)?.join("baseline");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let output = lab
            .fleet()
            .folder()
            .join(format!("baseline-{number}.output"));
        let mut command = Command::new(program);
        command.args(arguments).stdout(File::create(&output)?);
        let process = Process::start(command).await?;
        Ok(Self { process, output })
    }

    /// Waits for this line of its output, counted from 0.
    async fn line(&self, number: usize) -> Result<Value> {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            let output = fs::read_to_string(&self.output)?;
            // The last line may be incomplete.
            let mut whole = output
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            if let Some(line) = whole.nth(number) {
                return Ok(serde_json::from_str(line)?);
            }
            if let Some(status) = self.process.ended() {
                bail!("the baseline ended ({status})");
            }
            sleep(POLL_INTERVAL).await;
        }
        bail!("the baseline prints nothing")
    }

    /// Starts a handler that sends the same response, headers included. Returns its address too.
    pub(crate) async fn handler(lab: &Lab, answer: &Response<Bytes>) -> Result<(Self, SocketAddr)> {
        let file = lab.fleet().folder().join("baseline.body");
        fs::write(&file, answer.body())?;
        let mut arguments = vec!["handler".to_owned(), format!("--body={}", file.display())];
        for (name, value) in answer.headers() {
            if !SERVER_HEADERS.contains(name) {
                arguments.push(format!("--header={name}: {}", value.to_str()?));
            }
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let handler = Self::start(lab, &arguments).await?;
        let listening: Listening = serde_json::from_value(handler.line(0).await?)?;
        Ok((handler, listening.address))
    }

    /// The CPU time that it has used.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        usage::cpu_time(self.process.pid())
    }
}

/// Runs a loop of writes or of publishing for this long.
pub(crate) async fn run_loop(lab: &Lab, arguments: &[&str], time: Duration) -> Result<Step> {
    let milliseconds = time.as_millis().to_string();
    let arguments = [arguments, &["--milliseconds", &milliseconds]].concat();
    let baseline = Baseline::start(lab, &arguments).await?;
    baseline.line(0).await?;
    let cpu_times = || {
        let mut cpu_times = lab.cpu_times();
        cpu_times.extend(baseline.cpu_time().map(|time| (PROCESS.to_owned(), time)));
        cpu_times
    };
    let before = cpu_times();
    let counted = baseline.line(1).await?;
    let after = cpu_times();
    let counted: Counted =
        serde_json::from_value(counted).context("unknown output of the baseline")?;
    let mut step = Step::empty(None);
    step.time = Duration::from_micros(counted.microseconds);
    for (value, count) in counted.times {
        step.times.saturating_record_n(value, count);
    }
    step.cpu_times = since(&before, &after);
    ensure!(step.good() > 0, "the baseline did nothing");
    Ok(step)
}

/// Commits the same writes as the services, in a loop.
pub(crate) async fn writes(lab: &Lab, of: &str, time: Duration) -> Result<Step> {
    let uri = lab.fleet().mongo_uri("baseline");
    run_loop(lab, &["writes", "--of", of, "--uri", &uri], time).await
}

/// Publishes events in a loop.
pub(crate) async fn publishing(lab: &Lab, tasks: usize, time: Duration) -> Result<Step> {
    let (url, tasks) = (lab.fleet().nats_url(), tasks.to_string());
    run_loop(lab, &["publish", "--tasks", &tasks, "--url", &url], time).await
}
