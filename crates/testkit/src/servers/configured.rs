//! A NATS server with its own configuration files, for users and permissions.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Kind, locate};
use crate::eventually::within;
use crate::folder::DataFolder;
use crate::process::Process;
use crate::progress::Progress;
use crate::{log, port};

/// The main file. It includes the others.
const MAIN_FILE: &str = "nats.conf";

const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A NATS server with a configuration. Dropping it kills it.
#[derive(Debug)]
pub struct ConfiguredNats {
    port: u16,
    process: Process,
    folder: DataFolder,
}

/// The configuration of a NATS server.
#[derive(Debug, Clone, Default)]
pub struct NatsConfiguration {
    /// The names and texts of the files. The server reads `nats.conf`.
    pub files: Vec<(String, String)>,
    /// The variables that the files refer to.
    pub variables: Vec<(String, String)>,
}

impl ConfiguredNats {
    /// Checks the configuration with the server's own test mode. An error has the server's message.
    pub async fn check(
        configuration: &NatsConfiguration,
        progress: &Arc<dyn Progress>,
    ) -> Result<()> {
        let program = locate::local(Kind::Nats, progress).await?;
        let folder = unpack(configuration)?;
        let output = Command::new(&program.path)
            .current_dir(folder.path())
            .args(["-c", MAIN_FILE, "-t"])
            .env_clear()
            .envs(configuration.variables.iter().cloned())
            .output()
            .await
            .context("cannot run the server")?;
        let message = [output.stdout, output.stderr].concat();
        anyhow::ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&message).trim()
        );
        Ok(())
    }

    /// Starts the server on loopback with its data in a temporary folder, whatever addresses and folders the
    /// configuration has. Returns once it answers.
    pub async fn start(
        configuration: &NatsConfiguration,
        progress: &Arc<dyn Progress>,
    ) -> Result<Self> {
        let program = locate::local(Kind::Nats, progress).await?;
        let folder = unpack(&configuration.without_folder())?;
        let (port, monitoring) = (port::free(), port::free());
        let mut command = Command::new(&program.path);
        command
            .current_dir(folder.path())
            .args(["-c", MAIN_FILE, "-a", "127.0.0.1", "-js"])
            .args(["-p", &port.to_string(), "-m", &monitoring.to_string()])
            .arg("-sd")
            .arg(folder.path().join("data"))
            .env_clear()
            .envs(configuration.variables.iter().cloned());
        log::append_output(&mut command, &log_file(folder.path()))?;
        let server = Self {
            port,
            process: Process::start(command).await?,
            folder,
        };
        let answered = within(START_TIMEOUT, || server.greeted_or_ended()).await;
        match answered {
            Ok(Ok(())) => Ok(server),
            Ok(Err(reason)) => bail!("NATS does not start with this configuration: {reason}"),
            Err(reason) => Err(anyhow!("NATS does not answer: {reason}")),
        }
    }

    /// The port that it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `nats://host:port`
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Stops it.
    pub async fn stop(self) {
        self.process.stop(STOP_TIMEOUT).await;
    }

    /// Whether it greets a client. `Ok(Err(_))` if it has ended, because waiting longer is useless.
    async fn greeted_or_ended(&self) -> Result<Result<(), String>> {
        if let Some(status) = self.process.ended() {
            let last = log::last_lines(&log_file(self.folder.path()));
            return Ok(Err(format!("it ended ({status}):\n{last}")));
        }
        let greeting = timeout(RESPONSE_TIMEOUT, greeting(self.port)).await??;
        anyhow::ensure!(greeting.starts_with("INFO "), "it sends no greeting");
        Ok(Ok(()))
    }
}

impl NatsConfiguration {
    /// The configuration without its data folder, which the command line sets.
    fn without_folder(&self) -> Self {
        let mut configuration = self.clone();
        for (_, text) in &mut configuration.files {
            let mut parts = text.split("store_dir");
            let first = parts.next().unwrap_or_default().to_owned();
            *text = parts.fold(first, |text, part| {
                let value = part.trim_start_matches([' ', ':', '=']);
                let end =
                    value.find(|letter: char| letter.is_whitespace() || "},;".contains(letter));
                text + &value[end.unwrap_or(value.len())..]
            });
        }
        configuration
    }
}

/// Writes the files into a new folder.
fn unpack(configuration: &NatsConfiguration) -> Result<DataFolder> {
    let folder = DataFolder::open(None)?;
    for (name, text) in &configuration.files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(folder)
}

async fn greeting(port: u16) -> io::Result<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line)
}

fn log_file(folder: &Path) -> std::path::PathBuf {
    folder.join("nats.log")
}
