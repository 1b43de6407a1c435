//! Servers in containers, published on loopback only. The `docker` command runs them.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::time::timeout;

use super::Kind;
use crate::progress::Progress;

const ENGINE_TIMEOUT: Duration = Duration::from_secs(3);

/// Deletes the data. `rm` cannot remove a folder that is a volume and complains, but empties it.
const DELETE_DATA: &str = "rm -rf /data/* || true";

/// A container. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Container {
    id: String,
    remover: Child,
}

struct Recipe {
    image: &'static str,
    port: u16,
    command: &'static [&'static str],
}

/// The versions that the manifests deploy (`infra/k8s/kustomization.yaml`), with the latest patches.
const fn recipe(kind: Kind) -> Recipe {
    match kind {
        Kind::Mongo => Recipe {
            image: "mongo:8.0",
            port: 27017,
            command: &["mongod", "--replSet", "rs0", "--bind_ip_all"],
        },
        Kind::Nats => Recipe {
            image: "nats:2.15-alpine",
            port: 4222,
            command: &["-js", "-sd", "/data"],
        },
        Kind::Redis => Recipe {
            image: "redis:8.2-alpine",
            port: 6379,
            command: &[
                "redis-server",
                // Connections through the published port do not look local from inside.
                "--protected-mode",
                "no",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--save",
                "",
            ],
        },
    }
}

/// Whether a Docker engine answers.
pub(super) async fn engine_answers() -> bool {
    let answer = timeout(ENGINE_TIMEOUT, docker(&["version"])).await;
    answer.is_ok_and(|answer| answer.is_ok())
}

/// Runs a `docker` command and returns its output.
async fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot run docker")?;
    let (name, errors) = (arguments[0], String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "docker {name}: {}", errors.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Container {
    /// Runs the image of this server, published on this port of loopback. The port stays the same after a restart.
    pub(super) async fn start(kind: Kind, port: u16, progress: &Arc<dyn Progress>) -> Result<Self> {
        let recipe = recipe(kind);
        progress.step(&format!("{kind}: starting a container of {}", recipe.image));
        let published = format!("127.0.0.1:{port}:{}", recipe.port);
        let run: [&str; 5] = ["run", "--detach", "--publish", &published, recipe.image];
        let id = docker(&[&run[..], recipe.command].concat()).await?;
        let remover = remover(&id)?;
        Ok(Self { id, remover })
    }

    pub(super) async fn kill(&self) -> Result<()> {
        docker(&["kill", &self.id]).await.map(drop)
    }

    /// Deletes its data, then kills it: no command can run in a container that has stopped. Files that the server still
    /// has open vanish when it dies.
    pub(super) async fn lose_data(&self) -> Result<()> {
        self.run_inside(DELETE_DATA).await?;
        self.kill().await
    }

    /// Copies its data, then kills it.
    pub(super) async fn save_data(&self) -> Result<()> {
        self.run_inside("cp -a /data /kept").await?;
        self.kill().await
    }

    /// Replaces its data by the copy, then kills it.
    pub(super) async fn restore_data(&self) -> Result<()> {
        let restore = format!("{DELETE_DATA}; cp -a /kept/. /data");
        self.run_inside(&restore).await?;
        self.kill().await
    }

    async fn run_inside(&self, script: &str) -> Result<()> {
        docker(&["exec", &self.id, "sh", "-c", script])
            .await
            .map(drop)
    }

    /// Does nothing if it does not run.
    pub(super) async fn stop(&self, timeout: Duration) -> Result<()> {
        let seconds = timeout.as_secs().to_string();
        docker(&["stop", "-t", &seconds, &self.id]).await.map(drop)
    }

    pub(super) async fn start_again(&self) -> Result<()> {
        docker(&["start", &self.id]).await.map(drop)
    }

    pub(super) async fn suspend(&self) -> Result<()> {
        docker(&["pause", &self.id]).await.map(drop)
    }

    pub(super) async fn resume(&self) -> Result<()> {
        docker(&["unpause", &self.id]).await.map(drop)
    }

    pub(super) async fn remove(mut self) {
        // Waiting closes the remover's standard input.
        let removed = tokio::task::spawn_blocking(move || self.remover.wait()).await;
        if !removed.is_ok_and(|ended| ended.is_ok_and(|status| status.success())) {
            tracing::warn!("a container could not be removed");
        }
    }
}

/// Starts a shell that waits for the end of its standard input, which only this process holds open, and then removes
/// the container. So the container is removed however this process ends.
fn remover(container: &str) -> Result<Child> {
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg("cat > /dev/null; exec docker rm --force --volumes \"$0\"")
        .arg(container)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Ctrl-C at a terminal must not reach it.
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    shell.spawn().context("cannot start a shell")
}
