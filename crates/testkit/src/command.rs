//! Runs the commands of others (compilers, installers) with their output passed on line by line.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::die_with_parent;
use crate::progress::Progress;

/// How many lines of a failed command are shown.
const SHOWN_LINES: usize = 20;

/// Runs a command to its end, passing each line that it says to `progress`.
pub fn run_visibly(mut command: Command, progress: &dyn Progress) -> Result<()> {
    let name = command.get_program().to_owned();
    let (reader, writer) = std::io::pipe().context("no pipe")?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("no pipe")?)
        .stderr(writer);
    die_with_parent(&mut command);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", name.display()))?;
    // It holds the writing end of the pipe, whose closing ends the loop.
    drop(command);
    let mut last = VecDeque::with_capacity(SHOWN_LINES);
    for line in BufReader::new(reader).lines().map_while(Result::ok) {
        progress.detail(&line);
        if last.len() == SHOWN_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    let status = child.wait().context("cannot wait for a child")?;
    if !status.success() {
        let last = last.into_iter().collect::<Vec<_>>().join("\n");
        bail!("{} failed ({status}):\n{last}", name.display());
    }
    Ok(())
}
