//! Log configuration, and the thread that writes log lines.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use base::config::Environment;

/// The number of lines, of a few hundred bytes each, that may wait to be written. Further lines are dropped and
/// counted.
const QUEUE_LIMIT: usize = 16_384;

/// The pause between two writes. Waking the thread for every line would cost more than the line.
const WRITE_INTERVAL: Duration = Duration::from_millis(10);

/// The buffer's size in bytes: what accumulates within the interval under load.
const BUFFER_SIZE: usize = 32 * 1_024;

/// The configuration of logs.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `RUST_LOG` (default `info`): which events are logged.
    pub filter: String,
    /// `LOG_FORMAT` (default `auto`): the format of log lines.
    pub format: LogFormat,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `auto`: pretty on a terminal, otherwise JSON.
    Auto,
    /// `json`: for machines.
    Json,
    /// `pretty`: for people.
    Pretty,
}

impl LogConfig {
    /// Reads `RUST_LOG` and `LOG_FORMAT`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let filter = environment.with_default("RUST_LOG", "info".to_owned());
        let filter = filter.and_then(|filter| match filter.parse::<EnvFilter>() {
            Ok(_) => Some(filter),
            Err(error) => environment.fault("RUST_LOG", error),
        });
        let format = environment.with_default("LOG_FORMAT", LogFormat::Auto);
        Some(Self {
            filter: filter?,
            format: format?,
        })
    }

    pub(super) fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.filter)
    }

    pub(super) fn is_json(&self) -> bool {
        match self.format {
            LogFormat::Json => true,
            LogFormat::Pretty => false,
            LogFormat::Auto => !stdout().is_terminal(),
        }
    }
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err("must be auto, json or pretty"),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Pretty => "pretty",
        })
    }
}

/// Writes lines to standard output on a separate thread.
pub(super) fn writer() -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE_LIMIT)
        .lossy(true)
        .thread_name("log")
        .finish(BatchWriter(BufWriter::with_capacity(BUFFER_SIZE, stdout())))
}

/// Writes the first line at once, and the lines of each following interval in one batch.
struct BatchWriter<W: Write>(BufWriter<W>);

impl<W: Write> Write for BatchWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    /// Called when the queue is empty.
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        // Lines that are logged during the sleep do not have to wake the thread.
        thread::sleep(WRITE_INTERVAL);
        Ok(())
    }
}
