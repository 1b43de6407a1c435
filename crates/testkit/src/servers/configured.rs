//! A NATS server with a configuration of its own, for what only a configuration can do: users and what they may do.

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

/// The file that the server reads; others are included by it.
const MAIN_FILE: &str = "nats.conf";

const START_PATIENCE: Duration = Duration::from_secs(20);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// A NATS server that runs by a configuration. Dropping it kills it.
#[derive(Debug)]
pub struct ConfiguredNats {
    port: u16,
    process: Process,
    folder: DataFolder,
}

/// What such a server is to run by.
#[derive(Debug, Clone, Default)]
pub struct NatsConfiguration {
    /// The files of its configuration by their names; `nats.conf` is the one that it reads.
    pub files: Vec<(String, String)>,
    /// The variables that the files refer to.
    pub variables: Vec<(String, String)>,
}

impl ConfiguredNats {
    /// Lets the server read its configuration, and run by nothing. An error has its words.
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
        let said = [output.stdout, output.stderr].concat();
        anyhow::ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&said).trim()
        );
        Ok(())
    }

    /// Starts the server on loopback with its data in a temporary folder; what the configuration says of addresses and
    /// folders does not hold. Returns once it answers.
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
        let answered = within(START_PATIENCE, || server.greeted_or_ended()).await;
        match answered {
            Ok(Ok(())) => Ok(server),
            Ok(Err(last_words)) => bail!("NATS does not start by this configuration: {last_words}"),
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

    /// Ends it.
    pub async fn stop(self) {
        self.process.stop(STOP_PATIENCE).await;
    }

    /// Whether it greets who connects. That it ended is a final answer too.
    async fn greeted_or_ended(&self) -> Result<Result<(), String>> {
        if let Some(status) = self.process.ended() {
            let last = log::last_lines(&log_file(self.folder.path()));
            return Ok(Err(format!("it ended ({status}):\n{last}")));
        }
        let greeting = timeout(ANSWER_PATIENCE, greeting(self.port)).await??;
        anyhow::ensure!(greeting.starts_with("INFO "), "it does not greet");
        Ok(Ok(()))
    }
}

impl NatsConfiguration {
    /// The same without its data's folder, which can be said but once.
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

/// Writes the files of a configuration into a folder of their own.
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
