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

const ENGINE_PATIENCE: Duration = Duration::from_secs(3);

/// Takes the data away. A folder that is a volume stays, empty, and `rm` complains of that.
const EMPTY: &str = "rm -rf /data/* || true";

/// Pulling an image over a slow line.
const START_PATIENCE: Duration = Duration::from_mins(10);

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

/// The versions that the manifests deploy (`infra/k8s/kustomization.yaml`), with the latest corrections.
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
                // From inside, those who come through the published port are strangers.
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
    let answered = timeout(ENGINE_PATIENCE, engine.ping()).await.ok()?;
    answered.ok().map(|_| engine)
}

impl Container {
    /// Runs the image of this server, published on this port of loopback, and there after each restart.
    pub(super) async fn start(kind: Kind, port: u16, progress: &Arc<dyn Progress>) -> Result<Self> {
        let recipe = recipe(kind);
        let (name, tag) = recipe.image;
        progress.step(&format!("{kind}: starting a container of {name}:{tag}"));
        let inner = format!("{}/tcp", recipe.port);
        let request = GenericImage::new(name, tag)
            .with_cmd(recipe.command.iter().copied())
            .with_startup_timeout(START_PATIENCE)
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
        let engine = engine().await.context("the Docker engine is gone")?;
        let killed = engine.kill_container(self.container.id(), None).await;
        killed.context("cannot kill the container")
    }

    /// Kills it, and takes its data away right before: nobody can reach into a container that does not run. What it
    /// still has open then is gone with it.
    pub(super) async fn lose_data(&self) -> Result<()> {
        self.run_in_it(EMPTY).await?;
        self.kill().await
    }

    /// Kills it, right after its data was copied.
    pub(super) async fn keep_data(&self) -> Result<()> {
        self.run_in_it("cp -a /data /kept").await?;
        self.kill().await
    }

    /// Kills it, right after the copy was put in its data's place.
    pub(super) async fn lose_what_came_since(&self) -> Result<()> {
        let put_back = format!("{EMPTY}; cp -a /kept/. /data");
        self.run_in_it(&put_back).await?;
        self.kill().await
    }

    async fn run_in_it(&self, script: &str) -> Result<()> {
        let command = ExecCommand::new(["sh", "-c", script])
            .with_cmd_ready_condition(CmdWaitFor::exit_code(0));
        let done = self.container.exec(command).await;
        done.with_context(|| format!("in the container: {script}"))?;
        Ok(())
    }

    /// Does nothing if it does not run.
    pub(super) async fn stop(&self, patience: Duration) -> Result<()> {
        let seconds = i32::try_from(patience.as_secs()).unwrap_or(i32::MAX);
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

/// Removes a container when this process has ended without doing so, however it ended: a shell that waits for the
/// end of a pipe whose other end only we hold.
struct Reaper(Child);

impl Reaper {
    /// None if there is no Docker client that it could call.
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
        // Ctrl-C at a terminal is for us alone.
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        shell.spawn().ok().map(Self)
    }

    async fn dismiss(mut self) {
        // Waiting closes its standard input; what it removes then is gone already.
        let _ = tokio::task::spawn_blocking(move || self.0.wait()).await;
    }
}
