//! Runs Prometheus with the rules of `infra/prometheus` for `cargo xtask up --observe`. The tests check rules,
//! dashboards and runbooks against each other and against the catalogue of metrics.

#[cfg(test)]
mod boards;
#[cfg(test)]
mod promql;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testkit::Fleet;
use testkit::install::{once, search_path};
use testkit::process::Process;
use testkit::progress::Progress;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::cargo::root;

/// Prometheus's default port.
const DEFAULT_PORT: u16 = 9090;

/// Short enough to see an effect at once; the load is negligible.
const SCRAPE_INTERVAL: &str = "5s";

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The path of `prometheus` or `promtool`. Installs Debian's package if it is missing. Blocks.
pub(crate) fn program(name: &str, progress: &dyn Progress) -> Result<PathBuf> {
    once(
        progress,
        || search_path(name),
        |installer| installer.apt(&["prometheus"]),
    )
    .with_context(|| format!("cannot install {name}"))
}

/// Installs Prometheus if it is missing.
pub(crate) async fn install(progress: Arc<dyn Progress>) -> Result<()> {
    tokio::task::spawn_blocking(move || program("prometheus", &*progress))
        .await
        .context("the install panicked")?
        .map(drop)
}

/// A Prometheus process that scrapes a fleet. It is killed on drop.
pub(crate) struct Prometheus {
    process: Process,
    port: u16,
    log: PathBuf,
}

impl Prometheus {
    /// Starts Prometheus with its data in the fleet's folder, and returns when it is ready.
    pub(crate) async fn start(fleet: &Fleet) -> Result<Self> {
        let program = search_path("prometheus").context("prometheus is not on the PATH")?;
        let folder = fleet.folder().join("prometheus");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let file = folder.join("prometheus.json");
        let text = configuration(fleet, &root().join("infra/prometheus/rules.yaml"));
        // JSON is YAML.
        fs::write(&file, text.to_string())
            .with_context(|| format!("cannot write {}", file.display()))?;
        let port = free_port()?;
        let log = fleet.folder().join("prometheus.log");
        let output = File::create(&log).context("cannot create Prometheus's log file")?;
        let mut command = Command::new(program);
        command
            .current_dir(&folder)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::from(
                output.try_clone().context("cannot share the log file")?,
            ))
            .stderr(Stdio::from(output));
        let process = Process::start(command).await?;
        let prometheus = Self { process, port, log };
        prometheus.wait_ready().await?;
        Ok(prometheus)
    }

    /// The address of its web pages.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// An error message if the process has ended on its own.
    pub(crate) fn unexpected_exit(&self) -> Option<String> {
        let status = self.process.ended()?;
        Some(format!(
            "Prometheus ended ({status}); see {}",
            self.log.display()
        ))
    }

    pub(crate) async fn stop(self) {
        self.process.stop(STOP_TIMEOUT).await;
    }

    async fn wait_ready(&self) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let (url, deadline) = (
            format!("{}/-/ready", self.url()),
            Instant::now() + START_TIMEOUT,
        );
        while Instant::now() < deadline {
            if let Some(obituary) = self.unexpected_exit() {
                bail!(obituary);
            }
            let response = client.get(&url).timeout(START_TIMEOUT).send().await;
            if response.is_ok_and(|response| response.status().is_success()) {
                return Ok(());
            }
            sleep(POLL_INTERVAL).await;
        }
        bail!(
            "Prometheus did not become ready; see {}",
            self.log.display()
        )
    }
}

/// Prometheus's configuration, with one target per process. Its `job` is the service's name, as rules and dashboards
/// expect.
fn configuration(fleet: &Fleet, rules: &Path) -> Value {
    let targets = fleet.services().map(|service| {
        json!({
            "targets": [format!("127.0.0.1:{}", service.admin_port())],
            "labels": { "job": service.name(), "instance": service.to_string() },
        })
    });
    json!({
        "global": { "scrape_interval": SCRAPE_INTERVAL, "evaluation_interval": SCRAPE_INTERVAL },
        "rule_files": [rules],
        "scrape_configs": [{
            "job_name": "ticketing",
            "static_configs": targets.collect::<Vec<_>>(),
        }],
    })
}

/// The default port, or any free one if it is taken.
fn free_port() -> Result<u16> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = bind(DEFAULT_PORT).or_else(|_| bind(0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.context("no free port for Prometheus")?.port())
}
