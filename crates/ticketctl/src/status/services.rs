//! The processes of the services, read from their admin ports.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde::{Deserialize, Serialize};

use crate::connections::{Connections, SERVICES, http};
use crate::failure::Failure;

/// A process of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ShownService {
    pub(super) service: &'static str,
    pub(super) url: String,
    /// `ready`, `not ready`, `starting`, `draining`, or `unreachable`.
    pub(super) state: String,
    /// Its dependencies, each `ok` or an error.
    pub(super) checks: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// The answer of `/readyz`.
#[derive(Debug, Deserialize)]
struct Readiness {
    phase: String,
    #[serde(default)]
    checks: BTreeMap<String, String>,
}

/// The metric with the version of a process.
const BUILD_INFO: &str = "ticketing_build_info{";

impl ShownService {
    pub(super) fn answers(&self) -> bool {
        self.state != "unreachable"
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state == "ready"
    }
}

pub(super) async fn read(connections: &Connections) -> Result<Vec<ShownService>, Failure> {
    let client = http(None)?;
    let mut processes = Vec::new();
    for service in SERVICES {
        for url in connections.admin_urls(service)? {
            processes.push(process(&client, service, url));
        }
    }
    Ok(join_all(processes).await)
}

async fn process(client: &reqwest::Client, service: &'static str, url: String) -> ShownService {
    let shown = ShownService {
        service,
        state: "unreachable".to_owned(),
        checks: BTreeMap::new(),
        version: None,
        error: None,
        url,
    };
    let answer = async {
        let answer = client.get(format!("{}/readyz", shown.url)).send().await?;
        let is_ready = answer.status().is_success();
        let readiness: Readiness = answer.json().await?;
        Ok::<_, reqwest::Error>((is_ready, readiness))
    };
    match answer.await {
        Ok((is_ready, readiness)) => ShownService {
            state: state(is_ready, &readiness.phase),
            checks: readiness.checks,
            version: version(client, &shown.url).await,
            ..shown
        },
        Err(error) => ShownService {
            error: Some(reason(&error)),
            ..shown
        },
    }
}

/// The version and the commit, if known.
async fn version(client: &reqwest::Client, url: &str) -> Option<String> {
    let metrics = client.get(format!("{url}/metrics")).send().await.ok()?;
    version_in(&metrics.text().await.ok()?)
}

fn version_in(metrics: &str) -> Option<String> {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(BUILD_INFO))?;
    let label = |name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0)
    };
    let version = label("version")?;
    match label("commit") {
        Some(commit) if commit != "unknown" => {
            Some(format!("{version} ({})", commit.get(..7).unwrap_or(commit)))
        }
        _ => Some(version.to_owned()),
    }
}

fn state(is_ready: bool, phase: &str) -> String {
    match (is_ready, phase) {
        (true, _) => "ready",
        (false, "serving") => "not ready",
        (false, phase) => phase,
    }
    .to_owned()
}

/// The innermost error, which is the most specific.
fn reason(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_metrics() {
        let metrics = |commit| {
            format!(
                "# TYPE x gauge\nticketing_build_info{{service=\"orders\",version=\"0.1.0\",commit=\"{commit}\"}} 1\n"
            )
        };
        let of = |commit| version_in(&metrics(commit));
        assert_eq!(of("0123456789").as_deref(), Some("0.1.0 (0123456)"));
        assert_eq!(of("unknown").as_deref(), Some("0.1.0"));
        assert_eq!(version_in("x 1\n"), None);
    }

    #[test]
    fn a_serving_process_may_be_unready() {
        assert_eq!(state(true, "serving"), "ready");
        assert_eq!(state(false, "serving"), "not ready");
        assert_eq!(state(false, "draining"), "draining");
    }
}
