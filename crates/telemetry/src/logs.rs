//! Log lines: which, in what form, and the thread that writes them.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use base::config::Environment;

/// How many lines wait to be written, a few hundred bytes each; beyond that they are lost, and counted.
const WAITING_LINES: usize = 16_384;

/// Between two writes of lines. To wake the thread for each costs more than the line.
const GATHERED_FOR: Duration = Duration::from_millis(10);

/// How many bytes are written at once: what gathers in that time under load.
const WRITTEN_AT_ONCE: usize = 32 * 1_024;

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `RUST_LOG` (default `info`): which events.
    pub filter: String,
    /// `LOG_FORMAT` (default `auto`): in which form.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `auto`: pretty on a terminal, else JSON.
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

/// Writes lines to standard output on a thread of its own.
pub(super) fn writer() -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(Gathered(BufWriter::with_capacity(
            WRITTEN_AT_ONCE,
            stdout(),
        )))
}

/// Writes what comes at once, and what comes soon after that together.
struct Gathered<W: Write>(BufWriter<W>);

impl<W: Write> Write for Gathered<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    /// Called when no line waits any more.
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        // Whoever logs meanwhile finds a thread that need not be woken.
        thread::sleep(GATHERED_FOR);
        Ok(())
    }
}
