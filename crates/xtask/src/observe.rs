//! Prometheus beside the fleet of `cargo xtask up --observe`, with the rules of `infra/prometheus`. The tests here hold
//! rules, dashboards and runbooks against each other and against the catalogue of metrics.

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

/// Where people expect it.
const USUAL_PORT: u16 = 9090;

/// Often enough to watch what one does, and no load to speak of.
const SCRAPE_INTERVAL: &str = "5s";

const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The path of `prometheus` or `promtool`, installed with Debian's package if it is not there. This blocks.
pub(crate) fn program(name: &str, progress: &dyn Progress) -> Result<PathBuf> {
    once(
        progress,
        || search_path(name),
        |installer| installer.apt(&["prometheus"]),
    )
    .with_context(|| format!("cannot install {name}"))
}

/// Installs what this module runs, if it is not there.
pub(crate) async fn install(progress: Arc<dyn Progress>) -> Result<()> {
    tokio::task::spawn_blocking(move || program("prometheus", &*progress))
        .await
        .context("the install panicked")?
        .map(drop)
}

/// A Prometheus that scrapes a fleet. Dropping it kills it.
pub(crate) struct Prometheus {
    process: Process,
    port: u16,
    log: PathBuf,
}

impl Prometheus {
    /// Starts it with its data in the fleet's folder, and returns once it answers.
    pub(crate) async fn start(fleet: &Fleet) -> Result<Self> {
        let program = search_path("prometheus").context("prometheus is not on the PATH")?;
        let folder = fleet.folder().join("prometheus");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = folder.join("prometheus.json");
        let text = configuration(fleet, &root().join("infra/prometheus/rules.yaml"));
        // JSON is YAML.
        fs::write(&file, text.to_string())
            .with_context(|| format!("cannot write {}", file.display()))?;
        let port = free_port()?;
        let log = fleet.folder().join("prometheus.log");
        let output = File::create(&log).context("no file for Prometheus's log")?;
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
                output.try_clone().context("cannot open a log twice")?,
            ))
            .stderr(Stdio::from(output));
        let process = Process::start(command).await?;
        let prometheus = Self { process, port, log };
        prometheus.wait_ready().await?;
        Ok(prometheus)
    }

    /// Where its pages are.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How it ended, if it ended unasked.
    pub(crate) fn obituary(&self) -> Option<String> {
        let status = self.process.ended()?;
        Some(format!(
            "Prometheus ended ({status}); see {}",
            self.log.display()
        ))
    }

    /// Ends it in order.
    pub(crate) async fn stop(self) {
        self.process.stop(STOP_PATIENCE).await;
    }

    async fn wait_ready(&self) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let (url, deadline) = (
            format!("{}/-/ready", self.url()),
            Instant::now() + START_PATIENCE,
        );
        while Instant::now() < deadline {
            if let Some(obituary) = self.obituary() {
                bail!(obituary);
            }
            let answer = client.get(&url).timeout(START_PATIENCE).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        bail!(
            "Prometheus does not become ready; see {}",
            self.log.display()
        )
    }
}

/// One target for each process, whose `job` is its service's name, as the rules and the dashboards expect.
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

/// The usual port, or another if somebody has it.
fn free_port() -> Result<u16> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = bind(USUAL_PORT).or_else(|_| bind(0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.context("no port for Prometheus")?.port())
}
