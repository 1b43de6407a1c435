//! The log files of child processes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::process::Command;

const LINES: usize = 15;
const BYTES: u64 = 8 * 1024;

/// Appends the command's output to a file.
pub(crate) fn append_output(command: &mut Command, file: &Path) -> Result<()> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let both = log.try_clone().context("cannot open a log twice")?;
    command.stdout(Stdio::from(log)).stderr(Stdio::from(both));
    Ok(())
}

/// The last lines of a log; empty if there is none.
pub(crate) fn last_lines(log: &Path) -> String {
    let text = last_bytes(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn last_bytes(log: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
