//! Servers in containers, published on loopback only.

use std::collections::HashMap;
use std::fmt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::PortBinding;
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{CmdWaitFor, ExecCommand};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::time::timeout;

use super::Kind;
use crate::install::search_path;
use crate::progress::Progress;

const ENGINE_TIMEOUT: Duration = Duration::from_secs(3);

/// Removes the data. `rm` fails for a folder that is a volume, after it has emptied it.
const REMOVE_DATA: &str = "rm -rf /data/* || true";

/// Long enough to pull an image over a slow connection.
const START_TIMEOUT: Duration = Duration::from_mins(10);

/// A container. Dropping it removes it.
pub(super) struct Container {
    container: ContainerAsync<GenericImage>,
    reaper: Option<Reaper>,
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Container")
            .field(&self.container.id())
            .finish()
    }
}

struct Recipe {
    image: (&'static str, &'static str),
    port: u16,
    command: &'static [&'static str],
}

/// The versions of the manifests (`infra/k8s/kustomization.yaml`), with the latest patch releases.
const fn recipe(kind: Kind) -> Recipe {
    match kind {
        Kind::Mongo => Recipe {
            image: ("mongo", "8.0"),
            port: 27017,
            command: &["mongod", "--replSet", "rs0", "--bind_ip_all"],
        },
        Kind::Nats => Recipe {
            image: ("nats", "2.15-alpine"),
            port: 4222,
            command: &["-js", "-sd", "/data"],
        },
        Kind::Redis => Recipe {
            image: ("redis", "8.2-alpine"),
            port: 6379,
            command: &[
                "redis-server",
                // Connections through the published port come from another address.
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

/// The Docker engine, if one answers.
pub(super) async fn engine() -> Option<Docker> {
    let engine = docker_client_instance().await.ok()?;
    let answered = timeout(ENGINE_TIMEOUT, engine.ping()).await.ok()?;
    answered.ok().map(|_| engine)
}

impl Container {
    /// Runs the image of this server, published on this loopback port. The port stays the same after restarts.
    pub(super) async fn start(kind: Kind, port: u16, progress: &Arc<dyn Progress>) -> Result<Self> {
        let recipe = recipe(kind);
        let (name, tag) = recipe.image;
        progress.step(&format!("{kind}: starting a container of {name}:{tag}"));
        let inner = format!("{}/tcp", recipe.port);
        let request = GenericImage::new(name, tag)
            .with_cmd(recipe.command.iter().copied())
            .with_startup_timeout(START_TIMEOUT)
            .with_host_config_modifier(move |host| {
                let binding = PortBinding {
                    host_ip: Some("127.0.0.1".to_owned()),
                    host_port: Some(port.to_string()),
                };
                host.publish_all_ports = Some(false);
                host.port_bindings = Some(HashMap::from([(inner.clone(), Some(vec![binding]))]));
            });
        let container = request
            .start()
            .await
            .context("cannot start the container")?;
        let reaper = Reaper::of(container.id());
        Ok(Self { container, reaper })
    }

    pub(super) async fn kill(&self) -> Result<()> {
        let engine = engine()
            .await
            .context("the Docker engine does not answer")?;
        let killed = engine.kill_container(self.container.id(), None).await;
        killed.context("cannot kill the container")
    }

    /// Removes its data and kills it. The data is removed first, because commands run only in a running container.
    pub(super) async fn lose_data(&self) -> Result<()> {
        self.run(REMOVE_DATA).await?;
        self.kill().await
    }

    /// Copies its data and kills it.
    pub(super) async fn save_data(&self) -> Result<()> {
        self.run("cp -a /data /saved").await?;
        self.kill().await
    }

    /// Replaces its data with the copy and kills it.
    pub(super) async fn restore_data(&self) -> Result<()> {
        let restore = format!("{REMOVE_DATA}; cp -a /saved/. /data");
        self.run(&restore).await?;
        self.kill().await
    }

    async fn run(&self, script: &str) -> Result<()> {
        let command = ExecCommand::new(["sh", "-c", script])
            .with_cmd_ready_condition(CmdWaitFor::exit_code(0));
        let done = self.container.exec(command).await;
        done.with_context(|| format!("in the container: {script}"))?;
        Ok(())
    }

    /// Does nothing if it is not running.
    pub(super) async fn stop(&self, timeout: Duration) -> Result<()> {
        let seconds = i32::try_from(timeout.as_secs()).unwrap_or(i32::MAX);
        self.container.stop_with_timeout(Some(seconds)).await?;
        Ok(())
    }

    pub(super) async fn start_again(&self) -> Result<()> {
        Ok(self.container.start().await?)
    }

    pub(super) async fn suspend(&self) -> Result<()> {
        Ok(self.container.pause().await?)
    }

    pub(super) async fn resume(&self) -> Result<()> {
        Ok(self.container.unpause().await?)
    }

    pub(super) async fn remove(self) {
        if let Err(error) = self.container.rm().await {
            tracing::warn!(%error, "a container could not be removed");
        }
        if let Some(reaper) = self.reaper {
            reaper.dismiss().await;
        }
    }
}

/// Removes a container if this process ends without doing so: a shell that waits until this process closes a pipe.
struct Reaper(Child);

impl Reaper {
    /// `None` without a Docker client.
    fn of(container: &str) -> Option<Self> {
        search_path("docker")?;
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg("cat > /dev/null; exec docker rm --force --volumes \"$0\"")
            .arg(container)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Ctrl-C at a terminal must not end the shell.
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        shell.spawn().ok().map(Self)
    }

    async fn dismiss(mut self) {
        // Waiting closes its standard input. The container is already removed.
        let _ = tokio::task::spawn_blocking(move || self.0.wait()).await;
    }
}
